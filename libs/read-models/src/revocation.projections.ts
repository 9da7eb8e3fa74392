import { type Because, type EventOf, type pairAccessRevoked, pairId, type RecordedEvent } from '@grantkeeper/domain';
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
  PairAccessRevoked: 'pair',
  SigningKeyRevoked: 'signing_key',
} as const;

function revocation(event: RecordedEvent<Named>) {
  return {
    tenant_id: event.tenantId,
    revoked_seq: event.seq,
    kind: kinds[event.type as keyof typeof kinds],
    user_id: event.payload.userId ?? null,
    client_id: event.payload.clientId ?? null,
    resource_id: event.payload.resourceId ?? null,
    grant_id: event.payload.grantId ?? null,
    family_id: event.payload.familyId ?? null,
    token_id: event.payload.tokenId ?? null,
    kid: event.payload.kid ?? null,
    because: event.payload.because,
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

interface PairState {
  tenant_id: string;
  pair_id: string;
  user_id: string;
  client_id: string;
  resource_id: string;
  revoked_seq: number;
  stream_version: number;
}

/** Who is not named is anyone. */
const ANY = '*';

export const pairWatermarks = projection<PairState>({
  table: 'pair_watermarks',
  stream: 'pair',
  key: ['pair_id'],
  keyOf: (event: EventOf<typeof pairAccessRevoked>) => ({ pair_id: pairId(event.payload) }),
  on: {
    PairAccessRevoked: (event: EventOf<typeof pairAccessRevoked>) => ({
      tenant_id: event.tenantId,
      pair_id: event.streamId,
      user_id: event.payload.userId ?? ANY,
      client_id: event.payload.clientId ?? ANY,
      resource_id: event.payload.resourceId ?? ANY,
      revoked_seq: event.seq,
      stream_version: event.streamVersion,
    }),
  },
});
