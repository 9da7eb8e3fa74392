import { stringify } from 'node:querystring';
import {
  Body,
  Controller,
  Header,
  Headers,
  HttpCode,
  Param,
  Post,
  Req,
  Res,
  UseFilters,
  UseInterceptors,
} from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Database } from '@grantkeeper/event-store';
import { OAuthErrorFilter } from '@grantkeeper/http';
import { OAuthError, type TenantId } from '@grantkeeper/kernel';
import { addressKey, BUDGETS, Budgets } from '@grantkeeper/limits';
import { newOpaqueSecret } from '@grantkeeper/tokens';
import { Issuers } from '../discovery/issuer.ts';
import { ClientAuthentication } from '../token/client-authentication.ts';
import { refusedClient } from '../token/refused-client.ts';
import { readForm } from '../token/token.controller.ts';
import { DpopProofs } from '../token/dpop-proofs.ts';
import type { RefusedProof } from '../token/sender.ts';
import { UnprovenRequests } from '../token/unproven-requests.ts';
import { AuthorizationRequest, PUSHED_REQUEST } from './authorization-request.ts';
import { Authorizing } from './authorizing.ts';
import { PageError } from './page-error.ts';

/** Long enough to send a person's browser on its way. */
const LIFETIME_SECONDS = 90;

/** How the client proves itself is not part of what it asks for. */
const CREDENTIALS = ['client_secret', 'client_assertion', 'client_assertion_type'];

type Outcome =
  { readonly outcome: 'pushed' } | RefusedProof | { readonly outcome: 'invalid_client'; readonly because: string };

/**
 * Pushed authorization requests (RFC 9126): authenticated as at the token endpoint, refused for what the authorization
 * endpoint would refuse, and then known by a `request_uri` that one browser can use once.
 */
@Controller('t/:tenant/par')
@UseFilters(OAuthErrorFilter)
@UseInterceptors(UnprovenRequests)
export class ParController {
  constructor(
    private readonly issuers: Issuers,
    private readonly clients: ClientAuthentication,
    private readonly authorizing: Authorizing,
    private readonly proofs: DpopProofs,
    private readonly database: Database,
    private readonly budgets: Budgets,
  ) {}

  @Post()
  @HttpCode(201)
  @Header('cache-control', 'no-store')
  @Header('pragma', 'no-cache')
  async push(
    @Param('tenant') slug: string,
    @Body() body: unknown,
    @Headers('content-type') contentType: string | undefined,
    @Headers('authorization') authorization: string | undefined,
    @Req() http: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<{ request_uri: string; expires_in: number }> {
    const tenantId = await this.issuers.tenantOf(slug);
    const form = readForm(body, contentType);
    if (form.get('request_uri') !== undefined) {
      throw new OAuthError('invalid_request', 'request_uri cannot be pushed');
    }
    const client = await this.clients.authenticate(tenantId, form, authorization);
    if (client.authMethod === 'none') await this.#bound(tenantId, http.ip);
    const sent = Object.entries(body as Record<string, string | string[]>).filter(
      ([name]) => !CREDENTIALS.includes(name),
    );
    const proof = await this.proofs.read(tenantId, 'par', http, reply);
    const named = form.get('dpop_jkt');
    if (proof && named !== undefined && named !== proof.jkt)
      throw new OAuthError('invalid_dpop_proof', 'the DPoP proof is of another key than dpop_jkt');
    // RFC 9449 §10.1: the key that pushes the request is the one that may redeem its code.
    const key = proof && { dpop_jkt: proof.jkt };
    const parameters = stringify({ ...Object.fromEntries(sent), ...key, client_id: client.clientId });
    const { secret, hash } = newOpaqueSecret('');
    const { request, context } = await asJson(async () => {
      const read = AuthorizationRequest.read(parameters, '');
      return { request: read, context: await this.authorizing.read(tenantId, read, undefined, http.ip) };
    });
    const pushed = await this.database.call<Outcome>('push_request', tenantId, {
      ...client,
      requestHash: hash.toString('hex'),
      parameters,
      lifetimeSeconds: LIFETIME_SECONDS,
      proof,
    });
    if (pushed.outcome === 'invalid_client') throw refusedClient(pushed.because);
    if (pushed.outcome !== 'pushed') throw this.proofs.refused(pushed.outcome, tenantId, reply, pushed.because);
    // Only now: who has not proven to be the client is not told what is wrong with its request.
    await asJson(async () => this.authorizing.check(request, context));
    return { request_uri: `${PUSHED_REQUEST}${secret}`, expires_in: LIFETIME_SECONDS };
  }

  /** Anyone can be a client without credentials, and what it pushes is kept. Rejects with `RateLimited`. */
  async #bound(tenantId: TenantId, address: string): Promise<void> {
    await this.budgets.require(BUDGETS.pushedAddress, [tenantId, addressKey(address)]);
    await this.budgets.require(BUDGETS.pushedTenant, [tenantId]);
  }
}

/** What would be a page in a browser, in the words of RFC 9126 §2.3. */
async function asJson<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof PageError)) throw error;
    switch (error.kind) {
      case 'unknown_client':
        throw new OAuthError('invalid_client', error.detail ?? 'the client is not known here');
      case 'client_blocked':
      case 'client_not_listed':
        throw new OAuthError('unauthorized_client', 'the administrator does not let this client in');
      case 'tenant_unavailable':
      case 'client_unreachable':
        throw new OAuthError('temporarily_unavailable', error.detail ?? 'the tenant is suspended by its administrator');
    }
    const what =
      error.kind === 'invalid_redirect_uri' ? 'redirect_uri is not registered' : 'the request is not complete';
    throw new OAuthError('invalid_request', error.detail ?? what);
  }
}
