import type { LedgerEvent } from '@grantkeeper/consumers';

const kinds = {
  TokenRevoked: 'token',
  FamilyRevoked: 'family',
  GrantRevoked: 'grant',
  UserAccessRevoked: 'user',
  ClientAccessRevoked: 'client',
  ResourceAccessRevoked: 'resource',
  TenantAccessRevoked: 'tenant',
  PairAccessRevoked: 'pair',
  SigningKeyRevoked: 'signing_key',
  ClientHeld: 'client',
  ClientRemoved: 'client',
  ClientRuleSet: 'client_rule',
} as const;

/** What has happened where it is no plain revocation: a rule blocks the client, an admin took it away, a rule is new. */
const happened: Readonly<Record<string, string>> = {
  ClientHeld: 'held',
  ClientRemoved: 'removed',
  ClientRuleSet: 'set',
};

/** The types of all events that end access. */
export const REVOCATION_EVENTS: ReadonlySet<string> = new Set(Object.keys(kinds));

// Ids only: what an event says about a person stays in the ledger.
const told = [
  'userId',
  'clientId',
  'resourceId',
  'grantId',
  'familyId',
  'tokenId',
  'kid',
  'because',
  'subject',
  'effect',
] as const;

/** What a tenant's admin is told about a revocation: kind, position, ids and evidence, nothing personal. */
export interface RevocationNotice {
  readonly type: string;
  readonly timestamp: string;
  readonly data: Readonly<Record<string, string | number | object>>;
}

export function revocationNotice(event: LedgerEvent): RevocationNotice {
  const kind = kinds[event.type as keyof typeof kinds];
  const data: Record<string, string | number | object> = {
    tenant: event.tenantId,
    epoch: event.epoch,
    seq: event.seq,
    kind,
  };
  for (const name of told) {
    const value = event.payload[name];
    if (typeof value === 'string') data[name] = value;
  }
  // How a refresh token came again: what an admin has to judge by.
  const { evidence } = event.payload;
  if (typeof evidence === 'object' && evidence !== null) data['evidence'] = evidence;
  return { type: `${kind}.${happened[event.type] ?? 'revoked'}`, timestamp: event.recordedAt.toISOString(), data };
}
