import { Controller, Get, Header, HttpCode, Param, Post, Req, Res, UseFilters } from '@nestjs/common';
import { Database } from '@grantkeeper/event-store';
import { type AccessTokenClaims, type PresentedToken, presentedToken, TokenRefused } from '@grantkeeper/guard';
import { PersonalData } from '@grantkeeper/keys';
import type { TenantId } from '@grantkeeper/kernel';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Issuers } from '../discovery/issuer.ts';
import { DpopProofs } from '../token/dpop-proofs.ts';
import { OwnAccessTokens } from '../token/own-access-tokens.ts';
import { RefusedAccess, RefusedAccessFilter } from './refused-access.ts';

/** The person of a grant, as the SQL function userinfo answers it. */
interface Person {
  readonly userId: string;
  readonly sub: string;
  readonly name: string | null;
  readonly email: string | null;
  readonly emailVerified: boolean;
  readonly personKey: string | null;
}

type Outcome = { readonly death: string } | { readonly refusal: 'invalid_dpop_proof' | 'use_dpop_nonce' } | Person;

/** OpenID Connect Core §5.1, as far as we know people. */
export interface UserInfo {
  readonly sub: string;
  readonly name?: string;
  readonly email?: string;
  readonly email_verified?: boolean;
}

/**
 * UserInfo (OpenID Connect Core §5.3): for access tokens of this issuer, whatever resource they are for, that have
 * `openid`. Asks the ledger every time, so a revoked token learns nothing more.
 */
@Controller('t/:tenant/userinfo')
@UseFilters(RefusedAccessFilter)
export class UserInfoController {
  constructor(
    private readonly issuers: Issuers,
    private readonly accessTokens: OwnAccessTokens,
    private readonly proofs: DpopProofs,
    private readonly database: Database,
    private readonly personalData: PersonalData,
  ) {}

  @Get()
  @Header('cache-control', 'no-store')
  async get(
    @Param('tenant') slug: string,
    @Req() http: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<UserInfo> {
    return this.#answer(slug, http, reply);
  }

  @Post()
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  async post(
    @Param('tenant') slug: string,
    @Req() http: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<UserInfo> {
    return this.#answer(slug, http, reply);
  }

  async #answer(slug: string, http: FastifyRequest, reply: FastifyReply): Promise<UserInfo> {
    const tenantId = await this.issuers.tenantOf(slug);
    const presented = presentedToken(http.headers.authorization);
    if (!presented) throw new RefusedAccess(undefined, 'an access token is required');
    const { scheme, token } = presented;
    const proof = scheme === 'DPoP' ? await this.proofs.read(tenantId, 'userinfo', http, reply, token) : null;
    if (scheme === 'DPoP' && !proof) throw new RefusedAccess('invalid_dpop_proof', 'a DPoP proof is required', scheme);
    const claims = await this.#claims(tenantId, presented, proof?.jkt);
    if (!claims.scopes.includes('openid')) {
      throw new RefusedAccess('insufficient_scope', 'the access token has no scope openid', scheme);
    }
    const { grantId, familyId, tokenId, keyId: kid, epoch, seq } = claims;
    const input = { grantId, familyId, tokenId, kid, epoch, seq, proof };
    const outcome = await this.database.call<Outcome>('userinfo', tenantId, input);
    if ('death' in outcome) {
      const suspended = outcome.death === 'suspended';
      throw new RefusedAccess('invalid_token', `the access ${suspended ? 'is suspended' : 'was revoked'}`, scheme);
    }
    if ('refusal' in outcome) throw this.proofs.refused(outcome.refusal, tenantId, reply, 'replayed');
    return this.#userInfo(tenantId, outcome, claims.scopes);
  }

  async #claims(
    tenantId: TenantId,
    { scheme, token }: PresentedToken,
    provenKey: string | undefined,
  ): Promise<AccessTokenClaims> {
    try {
      return await this.accessTokens.accept(tenantId, token, provenKey);
    } catch (error) {
      if (!(error instanceof TokenRefused)) throw error;
      if (error.reason === 'proof_required') {
        throw new RefusedAccess('invalid_token', 'the access token is bound to a key: send a DPoP proof', 'DPoP');
      }
      const expired = error.reason === 'expired';
      throw new RefusedAccess(
        'invalid_token',
        `the access token ${expired ? 'has expired' : 'is not valid here'}`,
        scheme,
      );
    }
  }

  /** What the scopes allow (§5.4). An erased person has neither name nor address any more. */
  async #userInfo(tenantId: TenantId, person: Person, scopes: readonly string[]): Promise<UserInfo> {
    if (person.personKey !== null) await this.personalData.learn(tenantId, person.userId, person.personKey);
    const [name, email] = await Promise.all([
      scopes.includes('profile') ? this.personalData.open(tenantId, 'name', person.name) : null,
      scopes.includes('email') ? this.personalData.open(tenantId, 'email', person.email) : null,
    ]);
    return {
      sub: person.sub,
      ...(name !== null && { name }),
      // Hosts let people in by the domain of an address that is said to be verified (OA-14): so never more than is known.
      ...(email !== null && { email, email_verified: person.emailVerified }),
    };
  }
}
