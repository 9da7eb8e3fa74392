import { randomBytes } from 'node:crypto';
import { Injectable, NotFoundException } from '@nestjs/common';
import {
  type ClientRule,
  decideRegistration,
  type PolicySettings,
  type PresentedInitialToken,
  type RegistrationVerdict,
} from '@grantkeeper/domain';
import { Database } from '@grantkeeper/event-store';
import { OAuthError, type TenantId } from '@grantkeeper/kernel';
import { readClientMetadata, registrationResponse, type RegistrationResponse } from '@grantkeeper/oauth';
import { newOpaqueSecret } from '@grantkeeper/tokens';
import { clientVersion } from './client-version.ts';
import { RegistrationLimits } from './registration-limits.ts';
import { bearerHash } from './registration-bearer.ts';

type Outcome =
  | { outcome: 'registered'; at: string; issuer: string }
  | { outcome: 'overtaken' | 'spent' }
  | {
      outcome: 'decide';
      seq: number;
      settings: PolicySettings;
      rules: readonly ClientRule[];
      token: PresentedInitialToken | null;
    };

const ATTEMPTS = 5;

/** Registers clients as the tenant's policy lets it (RFC 7591, DCR-09). */
@Injectable()
export class Registrations {
  constructor(
    private readonly database: Database,
    private readonly limits: RegistrationLimits,
  ) {}

  async register(
    tenantId: TenantId,
    body: unknown,
    authorization: string | undefined,
    address: string,
  ): Promise<RegistrationResponse> {
    const metadata = readClientMetadata(body);
    await this.limits.require(tenantId, address, metadata.redirect_uris);
    // Never an https URL: those are metadata documents (CIMD-24).
    const clientId = `gkd_${randomBytes(18).toString('base64url')}`;
    const secret = metadata.token_endpoint_auth_method.startsWith('client_secret_')
      ? newOpaqueSecret('gks_')
      : undefined;
    const management = newOpaqueSecret('gkm_');
    const { at, issuer } = await this.#insert(tenantId, {
      clientId,
      ...clientVersion(clientId, metadata),
      secretHash: secret?.hash.toString('hex') ?? null,
      managementHash: management.hash.toString('hex'),
      tokenHash: bearerHash(authorization) ?? null,
    });
    return registrationResponse({
      clientId,
      issuedAt: Math.floor(Date.parse(at) / 1000),
      metadata,
      secret: secret && { value: secret.secret, expiresAt: 0 },
      management: { uri: managementUri(issuer, clientId), token: management.secret },
    });
  }

  /** One statement where anyone may register; where it takes a decision, one more (db/migrations/0030_registration.ts). */
  async #insert(
    tenantId: TenantId,
    row: Readonly<Record<string, unknown>> & {
      readonly subjects: readonly string[];
      readonly tokenHash: string | null;
    },
  ): Promise<{ at: string; issuer: string }> {
    let decided: { decidedAt: number; tokenId: string | null } | undefined;
    for (let tries = 0; tries < ATTEMPTS; tries += 1) {
      const input = { ...row, ...decided };
      const lock = decided?.tokenId ?? undefined;
      const answer: Outcome = await this.database.callTogether<Outcome>('register_clients', tenantId, input, lock);
      if (answer.outcome === 'registered') return answer;
      decided = undefined;
      if (answer.outcome !== 'decide') continue;
      const { seq, token, ...rest } = answer;
      const presented = row.tokenHash === null ? {} : { token };
      const verdict = decideRegistration({ ...rest, subjects: row.subjects, ...presented });
      if (verdict.outcome !== 'registered') throw refusal(verdict);
      decided = { decidedAt: seq, tokenId: verdict.tokenId ?? null };
    }
    throw new OAuthError('temporarily_unavailable', 'the policy is being changed; try again');
  }
}

/** Where a client manages its registration (RFC 7592 §3). */
export function managementUri(issuer: string, clientId: string): string {
  return `${issuer}/register/${clientId}`;
}

/** What a client is told of a version that the tenant does not take. */
export function refusal({ outcome }: RegistrationVerdict): Error {
  switch (outcome) {
    case 'token_missing':
      return new OAuthError('invalid_token', 'clients register here with an initial access token');
    case 'token_invalid':
      return new OAuthError('invalid_token', 'the initial access token is not known, has ended or is used up');
    case 'host_not_listed':
      return new OAuthError('invalid_redirect_uri', 'the administrator has not allowed every redirect host');
    case 'blocked':
      return new OAuthError('invalid_client_metadata', 'the administrator has blocked this software');
    default:
      return new NotFoundException();
  }
}
