import type {
  clientRuleRemoved,
  clientRuleSet,
  EventOf,
  initialAccessTokenIssued,
  initialAccessTokenRevoked,
} from '@grantkeeper/domain';
import { existing, projection } from './inline-projection.ts';

interface ClientRuleState {
  tenant_id: string;
  subject: string;
  effect: string;
  scopes: readonly string[] | null;
  reason_sealed: string | null;
  actor: unknown;
  set_seq: number;
  set_at: string;
  removed_seq: number | null;
  stream_version: number;
}

/** A rule that was removed keeps its row: the version of its stream goes on when it is set again. */
export const clientRules = projection<ClientRuleState>({
  table: 'client_rules',
  stream: 'client-rule',
  key: ['subject'],
  on: {
    ClientRuleSet: (event: EventOf<typeof clientRuleSet>) => ({
      tenant_id: event.tenantId,
      subject: event.payload.subject,
      effect: event.payload.effect,
      scopes: event.payload.scopes,
      reason_sealed: event.personal['reason'] ?? null,
      actor: event.actor,
      set_seq: event.seq,
      set_at: event.recordedAt,
      removed_seq: null,
      stream_version: event.streamVersion,
    }),
    ClientRuleRemoved: (event: EventOf<typeof clientRuleRemoved>, row) => ({
      ...existing(row, event),
      removed_seq: event.seq,
      stream_version: event.streamVersion,
    }),
  },
});

interface InitialAccessTokenState {
  tenant_id: string;
  token_id: string;
  name: string;
  max_uses: number | null;
  expires_at: string;
  issued_seq: number;
  issued_at: string;
  revoked_seq: number | null;
  stream_version: number;
}

export const initialAccessTokens = projection<InitialAccessTokenState>({
  table: 'initial_access_tokens',
  stream: 'initial-access-token',
  key: ['token_id'],
  on: {
    InitialAccessTokenIssued: (event: EventOf<typeof initialAccessTokenIssued>) => ({
      tenant_id: event.tenantId,
      token_id: event.payload.tokenId,
      name: event.payload.name,
      max_uses: event.payload.maxUses,
      expires_at: event.payload.expiresAt,
      issued_seq: event.seq,
      issued_at: event.recordedAt,
      revoked_seq: null,
      stream_version: event.streamVersion,
    }),
    InitialAccessTokenRevoked: (event: EventOf<typeof initialAccessTokenRevoked>, row) => ({
      ...existing(row, event),
      revoked_seq: event.seq,
      stream_version: event.streamVersion,
    }),
  },
});
