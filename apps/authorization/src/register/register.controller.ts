import { createHash } from 'node:crypto';
import { Body, Controller, Header, HttpCode, Ip, NotFoundException, Param, Post, UseFilters } from '@nestjs/common';
import { Database } from '@grantkeeper/event-store';
import { OAuthErrorFilter } from '@grantkeeper/http';
import { readClientMetadata, registrationResponse } from '@grantkeeper/oauth';
import { newOpaqueSecret } from '@grantkeeper/tokens';
import { randomBytes } from 'node:crypto';
import { Issuers } from '../discovery/issuer.ts';
import { RegistrationLimits } from './registration-limits.ts';

/**
 * Dynamic client registration (RFC 7591). Anonymous, so it makes an operational row that nobody's ledger shows; it
 * becomes a client, and an event, when someone consents to it.
 */
@Controller('t/:tenant/register')
@UseFilters(OAuthErrorFilter)
export class RegisterController {
  constructor(
    private readonly issuers: Issuers,
    private readonly database: Database,
    private readonly limits: RegistrationLimits,
  ) {}

  @Post()
  @HttpCode(201)
  @Header('cache-control', 'no-store')
  async register(@Param('tenant') slug: string, @Body() body: unknown, @Ip() address: string) {
    const tenantId = await this.issuers.tenantOf(slug);
    const metadata = readClientMetadata(body);
    await this.limits.require(tenantId, address, metadata.redirect_uris);
    // Never an https URL: those are metadata documents (CIMD-24).
    const clientId = `gkd_${randomBytes(18).toString('base64url')}`;
    const secret = metadata.token_endpoint_auth_method.startsWith('client_secret_')
      ? newOpaqueSecret('gks_')
      : undefined;
    const text = JSON.stringify(metadata);
    const registered = await this.database.call<{ at: string } | null>('register_client', tenantId, {
      clientId,
      metadata,
      metadataDigest: createHash('sha256').update(text).digest('base64url'),
      secretHash: secret?.hash.toString('hex') ?? null,
    });
    if (!registered) throw new NotFoundException();
    return registrationResponse({
      clientId,
      issuedAt: Math.floor(Date.parse(registered.at) / 1000),
      metadata,
      secret: secret && { value: secret.secret, expiresAt: 0 },
    });
  }
}
