import { createHash } from 'node:crypto';
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
import { OAuthErrorFilter } from '@grantkeeper/http';
import { OAuthError } from '@grantkeeper/kernel';
import { readParameters } from '@grantkeeper/oauth';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Issuers } from '../discovery/issuer.ts';
import { AuthorizationCodeExchange } from './authorization-code.exchange.ts';
import { ClientAuthentication } from './client-authentication.ts';
import { ClientCredentialsExchange } from './client-credentials.exchange.ts';
import { DpopProofs } from './dpop-proofs.ts';
import { RefreshTokenExchange } from './refresh-token.exchange.ts';
import type { TokenResponse } from './token-response.ts';
import { UnprovenRequests } from './unproven-requests.ts';

/** The token endpoint (OAuth 2.1 §3.2). */
@Controller('t/:tenant/token')
@UseFilters(OAuthErrorFilter)
@UseInterceptors(UnprovenRequests)
export class TokenController {
  readonly #exchanges: ReadonlyMap<
    string,
    AuthorizationCodeExchange | RefreshTokenExchange | ClientCredentialsExchange
  >;

  constructor(
    private readonly issuers: Issuers,
    private readonly clients: ClientAuthentication,
    codes: AuthorizationCodeExchange,
    refreshTokens: RefreshTokenExchange,
    clientCredentials: ClientCredentialsExchange,
    private readonly proofs: DpopProofs,
  ) {
    this.#exchanges = new Map<string, AuthorizationCodeExchange | RefreshTokenExchange | ClientCredentialsExchange>([
      ['authorization_code', codes],
      ['refresh_token', refreshTokens],
      ['client_credentials', clientCredentials],
    ]);
  }

  @Post()
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  @Header('pragma', 'no-cache')
  async token(
    @Param('tenant') slug: string,
    @Body() body: unknown,
    @Headers('content-type') contentType: string | undefined,
    @Headers('authorization') authorization: string | undefined,
    @Headers('user-agent') userAgent: string | undefined,
    @Req() http: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<TokenResponse> {
    const tenantId = await this.issuers.tenantOf(slug);
    const parameters = readForm(body, contentType);
    const grantType = parameters.require('grant_type');
    const exchange = this.#exchanges.get(grantType);
    if (!exchange)
      throw new OAuthError(
        'unsupported_grant_type',
        'grant_type must be authorization_code, refresh_token or client_credentials',
      );
    const client = await this.clients.authenticate(tenantId, parameters, authorization);
    const proof = await this.proofs.read(tenantId, 'token', http, reply);
    const result = await exchange.exchange(tenantId, client, parameters, {
      fingerprint: fingerprintOf(client.authMethod, userAgent),
      proof,
      address: http.ip,
    });
    if ('token_type' in result) return result;
    throw this.proofs.refused(result.outcome, tenantId, reply, result.because);
  }
}

/** The parameters of a form post; anything else is `invalid_request` (OAuth 2.1 §3.2). */
export function readForm(body: unknown, contentType: string | undefined) {
  if (!/^application\/x-www-form-urlencoded\s*(;|$)/i.test(contentType ?? '')) {
    throw new OAuthError('invalid_request', 'the body must be application/x-www-form-urlencoded');
  }
  return readParameters((body ?? {}) as Record<string, unknown>, ['resource']);
}

/** What tells one installation from a thief with its token, as far as anything does: never the address, which hosts change. */
function fingerprintOf(authMethod: string, userAgent: string | undefined): string {
  return createHash('sha256')
    .update(`${authMethod} ${userAgent ?? ''}`)
    .digest('base64url')
    .slice(0, 22);
}
