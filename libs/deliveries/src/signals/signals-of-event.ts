import type { LedgerEvent } from '@grantkeeper/consumers';
import type { Transaction } from '@grantkeeper/event-store';
import {
  ACCOUNT_DISABLED,
  ACCOUNT_ENABLED,
  CREDENTIAL_CHANGE,
  GRANT_REVOKED,
  SESSION_REVOKED,
  TOKEN_CLAIMS_CHANGE,
} from './signal-event-types.ts';
import type { SubjectMembers } from './signal-subjects.ts';

/** A security event: one per token (SSF §4.2.1), so an event of the ledger may be several. */
export interface Signal {
  readonly type: string;
  readonly subject: SubjectMembers;
  /** What it says beside time, initiator and reason. */
  readonly says: Readonly<Record<string, unknown>>;
}

type Facts = Readonly<Record<string, unknown>>;
type Tell = (payload: Facts, event: LedgerEvent, tx: Transaction) => Signal[] | Promise<Signal[]>;

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/**
 * What each event of the ledger is in the words of Shared Signals; the ones that are not here are none. A person's `sub`
 * is their user id. Only what is true: links that are held or suspended are not revoked, and the chain of one installation
 * is no session of the person.
 */
const told: Readonly<Record<string, Tell>> = {
  GrantRevoked: async (payload, event, tx) => [await linksEnded(payload, event, tx, { grant_id: event.streamId })],
  ClientAccessRevoked: async (payload, event, tx) => [await linksEnded(payload, event, tx)],
  ClientRemoved: async (payload, event, tx) => [await linksEnded(payload, event, tx)],
  ResourceAccessRevoked: async (payload, event, tx) => [await linksEnded(payload, event, tx)],
  PairAccessRevoked: async (payload, event, tx) => [await linksEnded(payload, event, tx)],
  UserAccessRevoked: async (payload, event, tx) => [
    { type: SESSION_REVOKED, subject: { user: text(payload['userId']) }, says: {} },
    await linksEnded(payload, event, tx),
  ],
  TenantAccessRevoked: async (payload, event, tx) => [
    { type: SESSION_REVOKED, subject: {}, says: {} },
    await linksEnded(payload, event, tx),
  ],
  // What the tokens of a link allow has changed.
  GrantWidened: async (payload, event, tx) => {
    const grant = await tx
      .selectFrom('grants')
      .select(['user_id', 'client_id'])
      .where('tenant_id', '=', event.tenantId)
      .where('grant_id', '=', event.streamId)
      .executeTakeFirst();
    if (!grant?.user_id || !Array.isArray(payload['scopes'])) return [];
    return [
      {
        type: TOKEN_CLAIMS_CHANGE,
        subject: { user: grant.user_id, application: grant.client_id },
        says: { claims: { scope: payload['scopes'].join(' ') }, grant_id: event.streamId },
      },
    ];
  },
  IdentityLinked: (payload) =>
    payload['kind'] === 'password'
      ? [
          {
            type: CREDENTIAL_CHANGE,
            subject: { user: text(payload['userId']) },
            says: { credential_type: 'password', change_type: 'create' },
          },
        ]
      : [],
  UserSuspended: (payload) => [account(ACCOUNT_DISABLED, payload)],
  UserResumed: (payload) => [account(ACCOUNT_ENABLED, payload)],
};

/** The ledger's event types that may be signals. */
export const SIGNALLED_EVENTS: ReadonlySet<string> = new Set(Object.keys(told));

export async function signalsOf(event: LedgerEvent, tx: Transaction): Promise<Signal[]> {
  return (await told[event.type]?.(event.payload, event, tx)) ?? [];
}

/** Who has brought it about (CAEP §2): a code of ours alone is a policy. */
export function initiatorOf({ actor, payload }: Pick<LedgerEvent, 'actor' | 'payload'>): string {
  if (payload['because'] === 'refresh_token_reused' || payload['because'] === 'code_replayed') return 'policy';
  const kind = actor['kind'];
  if (kind === 'admin' || kind === 'operator') return 'admin';
  return kind === 'user' ? 'user' : 'system';
}

const account = (type: string, payload: Facts): Signal => ({
  type,
  subject: { user: text(payload['userId']) },
  says: {},
});

async function linksEnded(payload: Facts, event: LedgerEvent, tx: Transaction, says: Facts = {}): Promise<Signal> {
  const resourceId = text(payload['resourceId']);
  const resource =
    resourceId === undefined
      ? undefined
      : await tx
          .selectFrom('resources')
          .select('url')
          .where('tenant_id', '=', event.tenantId)
          .where('resource_id', '=', resourceId)
          .executeTakeFirst();
  const subject = { user: text(payload['userId']), application: text(payload['clientId']), resource: resource?.url };
  return { type: GRANT_REVOKED, subject, says };
}
