import { Controller, Get, Header, Param, UseFilters } from '@nestjs/common';
import { Issuers } from '../discovery/issuer.ts';
import { SignalErrorsFilter } from './signal-errors.filter.ts';
import { POLL, PUSH } from './stream-configuration.ts';

/** The metadata of a tenant's Shared Signals transmitter, whose issuer is the tenant's (SSF §7.2). */
@Controller()
@UseFilters(SignalErrorsFilter)
export class TransmitterController {
  constructor(private readonly issuers: Issuers) {}

  @Get(['.well-known/ssf-configuration/t/:tenant', 't/:tenant/.well-known/ssf-configuration'])
  @Header('cache-control', 'public, max-age=60')
  async configuration(@Param('tenant') tenant: string) {
    const issuer = await this.issuers.urlOf(await this.issuers.tenantOf(tenant));
    return {
      spec_version: '1_0',
      issuer,
      jwks_uri: `${issuer}/jwks`,
      delivery_methods_supported: [PUSH, POLL],
      configuration_endpoint: `${issuer}/ssf/streams`,
      status_endpoint: `${issuer}/ssf/status`,
      add_subject_endpoint: `${issuer}/ssf/subjects/add`,
      remove_subject_endpoint: `${issuer}/ssf/subjects/remove`,
      verification_endpoint: `${issuer}/ssf/verification`,
      authorization_schemes: [{ spec_urn: 'urn:ietf:rfc:6750' }],
      default_subjects: 'ALL',
      // Who passes one over would take a single link for all of a person's, or of everybody (SSF §3.6).
      critical_subject_members: ['user', 'application', 'resource'],
    };
  }
}
