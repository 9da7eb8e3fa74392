import { Body, Controller, Headers, HttpCode, Param, Post, Res, UseFilters, UseInterceptors } from '@nestjs/common';
import { Database } from '@grantkeeper/event-store';
import type { AccessTokenClaims } from '@grantkeeper/guard';
import { OAuthErrorFilter } from '@grantkeeper/http';
import { Clock, OAuthError, type TenantId } from '@grantkeeper/kernel';
import type { Parameters } from '@grantkeeper/oauth';
import {
  IntrospectionTokens,
  type PresentedEnforcementPoint,
  readEnforcementPointCredential,
} from '@grantkeeper/tokens';
import type { FastifyReply } from 'fastify';
import { Issuers } from '../discovery/issuer.ts';
import { readIdAndSecret } from '../token/client-authentication.ts';
import { OwnAccessTokens } from '../token/own-access-tokens.ts';
import { readForm } from '../token/token.controller.ts';
import { UnprovenRequests } from '../token/unproven-requests.ts';

const SIGNED = 'application/token-introspection+jwt';

interface Standing {
  readonly resource: string;
  readonly death: string | null;
  readonly alg: 'ES256' | 'RS256';
  readonly kid: string;
}

/**
 * Introspection (RFC 7662), signed when that is asked for (RFC 9701): what an access token is worth at this moment, asked
 * of the primary, by an enforcement point about tokens of its own resource. All else is inactive, with no reason given.
 */
@Controller('t/:tenant/introspect')
@UseFilters(OAuthErrorFilter)
@UseInterceptors(UnprovenRequests)
export class IntrospectController {
  constructor(
    private readonly issuers: Issuers,
    private readonly database: Database,
    private readonly accessTokens: OwnAccessTokens,
    private readonly introspectionTokens: IntrospectionTokens,
    private readonly clock: Clock,
  ) {}

  @Post()
  @HttpCode(200)
  async introspect(
    @Param('tenant') slug: string,
    @Body() body: unknown,
    @Headers('content-type') contentType: string | undefined,
    @Headers('authorization') authorization: string | undefined,
    @Headers('accept') accept: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const tenantId = await this.issuers.tenantOf(slug);
    const parameters = readForm(body, contentType);
    const point = readPoint(tenantId, parameters, authorization);
    const claims = await this.accessTokens.read(tenantId, parameters.require('token'));
    const standing = await this.database.call<Standing | null>('introspect', tenantId, {
      pointId: point.pointId,
      secretHash: point.hash.toString('hex'),
      token: claims ? pick(claims) : null,
    });
    if (!standing) throw notAPoint();
    const active = claims !== undefined && standing.death === null && claims.audience === standing.resource;
    const introspection = active ? describe(claims) : { active };
    void reply.header('cache-control', 'no-store').header('vary', 'Accept');
    if (!(accept ?? '').includes(SIGNED)) {
      await reply.send(introspection);
      return;
    }
    const signed = await this.introspectionTokens.sign(tenantId, {
      ...standing,
      issuer: await this.issuers.urlOf(tenantId),
      audience: point.pointId,
      issuedAt: this.clock.now(),
      introspection,
    });
    await reply.type(SIGNED).send(signed);
  }
}

/** Its credential as client secret, or as bearer token (RFC 7662 §2.1). Whether it is true, the database decides. */
function readPoint(
  tenantId: TenantId,
  parameters: Parameters,
  authorization: string | undefined,
): PresentedEnforcementPoint {
  const bearer = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
  const { id, secret } =
    bearer === undefined ? readIdAndSecret(parameters, authorization) : { id: undefined, secret: bearer };
  const point = readEnforcementPointCredential(secret ?? '');
  if (!point || point.tenantId !== tenantId || (id !== undefined && id !== point.pointId)) throw notAPoint();
  return point;
}

function notAPoint(): OAuthError {
  return new OAuthError('invalid_client', 'introspection is for enforcement points: send the credential of one');
}

function pick({ grantId, familyId, tokenId, keyId: kid, epoch, seq }: AccessTokenClaims) {
  return { grantId, familyId, tokenId, kid, epoch, seq };
}

/** RFC 7662 §2.2, RFC 9449 §6.2, and what revocations name. */
function describe(claims: AccessTokenClaims) {
  return {
    active: true,
    token_type: claims.keyThumbprint === undefined ? 'Bearer' : 'DPoP',
    iss: claims.issuer,
    aud: claims.audience,
    sub: claims.subject,
    client_id: claims.clientId,
    scope: claims.scopes.join(' '),
    iat: claims.issuedAt,
    exp: claims.expiresAt,
    jti: claims.tokenId,
    ...(claims.authTime !== undefined && { auth_time: claims.authTime }),
    ...(claims.acr !== undefined && { acr: claims.acr }),
    ...(claims.keyThumbprint !== undefined && { cnf: { jkt: claims.keyThumbprint } }),
    tenant: claims.tenant,
    grant_id: claims.grantId,
    family_id: claims.familyId,
    epoch: claims.epoch,
    seq: claims.seq,
  };
}
