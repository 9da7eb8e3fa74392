import type { Because, RecordedEvent } from '@grantkeeper/domain';
import { projection } from './inline-projection.ts';

interface Named {
  userId?: string;
  clientId?: string;
  resourceId?: string;
  grantId?: string;
  familyId?: string;
  tokenId?: string;
  kid?: string;
  because: Because;
}

const kinds = {
  TokenRevoked: 'token',
  FamilyRevoked: 'family',
  GrantRevoked: 'grant',
  UserAccessRevoked: 'user',
  ClientAccessRevoked: 'client',
  ResourceAccessRevoked: 'resource',
  TenantAccessRevoked: 'tenant',
} as const;

function revocation({ payload, ...event }: RecordedEvent<Named>) {
  return {
    tenant_id: event.tenantId,
    revoked_seq: event.seq,
    kind: kinds[event.type as keyof typeof kinds],
    user_id: payload.userId ?? null,
    client_id: payload.clientId ?? null,
    resource_id: payload.resourceId ?? null,
    grant_id: payload.grantId ?? null,
    family_id: payload.familyId ?? null,
    token_id: payload.tokenId ?? null,
    kid: payload.kid ?? null,
    because: payload.because,
    reason_sealed: event.personal['reason'] ?? null,
    actor: event.actor,
    revoked_at: event.recordedAt,
  };
}

export const revocations = projection<ReturnType<typeof revocation>>({
  table: 'revocations',
  key: ['revoked_seq'],
  keyOf: (event) => ({ revoked_seq: event.seq }),
  on: Object.fromEntries(Object.keys(kinds).map((type) => [type, revocation])),
});
