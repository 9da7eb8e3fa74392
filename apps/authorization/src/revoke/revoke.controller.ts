import {
  Body,
  Controller,
  Header,
  Headers,
  HttpCode,
  Ip,
  Param,
  Post,
  UseFilters,
  UseInterceptors,
} from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { RevocationTarget } from '@grantkeeper/domain';
import { Database } from '@grantkeeper/event-store';
import { OAuthErrorFilter } from '@grantkeeper/http';
import type { TenantId } from '@grantkeeper/kernel';
import { RevokeAccess } from '@grantkeeper/revocation';
import { RefreshTokens } from '@grantkeeper/tokens';
import { Issuers } from '../discovery/issuer.ts';
import { ClientAuthentication, type PresentedClient } from '../token/client-authentication.ts';
import { OwnAccessTokens } from '../token/own-access-tokens.ts';
import { refusedClient } from '../token/refused-client.ts';
import { readForm } from '../token/token.controller.ts';
import { UnprovenRequests } from '../token/unproven-requests.ts';

type Outcome =
  | { outcome: 'own'; grantId: string; familyId: string; userId: string | null }
  | { outcome: 'not_own' }
  | { outcome: 'invalid_client'; because: string };

interface Own {
  readonly target: RevocationTarget;
  /** Whose link it is; null when it is the client's own. */
  readonly userId: string | null;
}

/**
 * Token revocation (RFC 7009), for public clients too (RFC-08). A refresh token ends its family, and the link with its
 * last family; an access token ends itself. A token that is unknown, or another client's, is answered like a revoked one.
 */
@Controller('t/:tenant/revoke')
@UseFilters(OAuthErrorFilter)
@UseInterceptors(UnprovenRequests)
export class RevokeController {
  constructor(
    private readonly issuers: Issuers,
    private readonly clients: ClientAuthentication,
    private readonly database: Database,
    private readonly refreshTokens: RefreshTokens,
    private readonly accessTokens: OwnAccessTokens,
    private readonly commands: CommandBus,
  ) {}

  @Post()
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  async revoke(
    @Param('tenant') slug: string,
    @Body() body: unknown,
    @Headers('content-type') contentType: string | undefined,
    @Headers('authorization') authorization: string | undefined,
    @Ip() address: string,
  ): Promise<void> {
    const tenantId = await this.issuers.tenantOf(slug);
    const parameters = readForm(body, contentType);
    const token = parameters.require('token');
    const client = await this.clients.authenticate(tenantId, parameters, authorization);
    const own = await this.#ownOf(tenantId, client, token);
    if (own) {
      await this.commands.execute(
        new RevokeAccess(tenantId, {
          target: own.target,
          because: 'client',
          actor: { kind: 'client', id: client.clientId },
          origin: { address, subject: own.userId === null ? 'tenant' : { user: own.userId } },
        }),
      );
    }
  }

  async #ownOf(tenantId: TenantId, client: PresentedClient, token: string): Promise<Own | undefined> {
    const refresh = this.refreshTokens.read(token);
    const access = refresh ? undefined : await this.accessTokens.read(tenantId, token);
    const named = refresh?.tenantId === tenantId ? refresh : undefined;
    const result = await this.database.call<Outcome>('own_family', tenantId, {
      ...client,
      familyId: named?.familyId ?? access?.familyId ?? null,
      ...(named && { inner: named.inner, tag: named.tag }),
    });
    if (result.outcome === 'invalid_client') throw refusedClient(result.because);
    if (result.outcome === 'not_own') return undefined;
    const { grantId, familyId, userId } = result;
    const target: RevocationTarget = access
      ? { kind: 'token', grantId, familyId, tokenId: access.tokenId }
      : { kind: 'family', grantId, familyId };
    return { target, userId };
  }
}
