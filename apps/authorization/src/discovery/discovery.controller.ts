import { Controller, Get, Header, Param, UseFilters } from '@nestjs/common';
import { DPOP_ALGORITHMS } from '@grantkeeper/guard';
import { OAuthErrorFilter } from '@grantkeeper/http';
import { authorizationServerMetadata, openIdConfiguration } from '@grantkeeper/oauth';
import { AuthorizationSettings } from '../authorization-settings.ts';
import { messages } from '../pages/messages/phrases.ts';
import { Issuers } from './issuer.ts';

/** The metadata of a tenant's issuer at every form that clients probe (AS-07, MT-01), and its keys. */
@Controller()
@UseFilters(OAuthErrorFilter)
export class DiscoveryController {
  constructor(
    private readonly issuers: Issuers,
    private readonly settings: AuthorizationSettings,
  ) {}

  @Get('.well-known/oauth-authorization-server/t/:tenant')
  @Header('cache-control', 'public, max-age=60')
  async authorizationServer(@Param('tenant') tenant: string) {
    return authorizationServerMetadata(await this.#description(tenant));
  }

  @Get(['.well-known/openid-configuration/t/:tenant', 't/:tenant/.well-known/openid-configuration'])
  @Header('cache-control', 'public, max-age=60')
  async openId(@Param('tenant') tenant: string) {
    return openIdConfiguration(await this.#description(tenant));
  }

  @Get('t/:tenant/jwks')
  @Header('cache-control', 'public, max-age=300, stale-while-revalidate=60, stale-if-error=3600')
  @Header('content-type', 'application/jwk-set+json')
  async jwks(@Param('tenant') tenant: string) {
    const { keys } = await this.issuers.factsOf(await this.issuers.tenantOf(tenant));
    return { keys };
  }

  async #description(tenant: string) {
    const { issuer, scopes, resources, settings } = await this.issuers.factsOf(await this.issuers.tenantOf(tenant));
    return {
      issuer,
      scopes,
      scopeCeiling: settings.scopeCeiling,
      resources,
      dpopAlgs: DPOP_ALGORITHMS,
      languages: Object.keys(messages),
      revocationFeed: `${this.settings.adminUrl}/feed/v1`,
      features: {
        pushedRequestsOnly: settings.requirePushedRequests,
        dynamicRegistration: settings.registration !== 'off',
        clientIdMetadataDocuments: settings.clientDocuments === 'open',
      },
    };
  }
}
