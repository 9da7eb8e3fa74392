import type { Database, SignalSetsRow, Transaction } from '@grantkeeper/event-store';
import type { TenantKeys } from '@grantkeeper/keys';
import type { TenantId } from '@grantkeeper/kernel';
import type { OutboundClient } from '@grantkeeper/outbound';
import type { SecurityEventTokens } from '@grantkeeper/tokens';
import type { Selectable } from 'kysely';
import { sql } from 'kysely';
import { ask } from '../pump/answer.ts';
import type { Answer, Message, Next, Outlet, ReceiverAddress } from '../pump/receiver.ts';
import { STREAM_UPDATED } from './signal-event-types.ts';
import { issuerOf } from './signal-outbox.ts';
import { hold, stopHolding, streamClaims } from './signal-sets.ts';
import { signingKidOf } from './signing-kid.ts';
import { SEALED_AUTHORIZATION } from './signal-streams.ts';

export interface PushStream {
  readonly tenant: TenantId;
  readonly id: string;
  readonly url: string;
  readonly sealedAuthorization: string | null;
  /** The key that tokens are signed with now. */
  readonly kid: string;
  readonly enabled: boolean;
}

export interface SignalMessage extends Message {
  readonly no: number;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** What is wrong with this very token (RFC 8935 §2.4): sent again it would be wrong again. */
const HOPELESS = new Set(['invalid_request', 'invalid_state']);

/** Streams that are pushed (RFC 8935): the security events that are held for them, in their order. */
export class SignalOutlet implements Outlet<PushStream, SignalMessage> {
  readonly kind = 'signals';
  readonly behind = `SELECT c.tenant_id, c.receiver_id, c.slow
    FROM receiver_cursors c JOIN signal_streams s ON s.tenant_id = c.tenant_id AND s.stream_id = c.receiver_id
    WHERE c.receiver_kind = 'signals' AND s.method = 'push' AND EXISTS (
      SELECT FROM signal_sets e WHERE e.tenant_id = s.tenant_id AND e.stream_id = s.stream_id AND e.no > c.through_seq
        AND e.parked_at IS NULL AND (e.control OR s.status = 'enabled'))`;
  readonly lag = `SELECT count(*) FROM signal_sets e WHERE e.tenant_id = c.tenant_id AND e.stream_id = c.receiver_id
    AND e.no > c.through_seq AND e.parked_at IS NULL`;

  constructor(
    private readonly database: Database,
    private readonly outbound: OutboundClient,
    private readonly tokens: SecurityEventTokens,
    private readonly keys: TenantKeys,
  ) {}

  async open(tx: Transaction, { tenant, id }: ReceiverAddress): Promise<PushStream | undefined> {
    const row = await tx
      .selectFrom('signal_streams as s')
      .innerJoin('signal_receivers as r', (join) =>
        join.onRef('r.tenant_id', '=', 's.tenant_id').onRef('r.receiver_id', '=', 's.receiver_id'),
      )
      .select(['s.endpoint_url', 's.sealed_authorization', 's.status'])
      .where('s.tenant_id', '=', tenant)
      .where('s.stream_id', '=', id)
      .where('s.method', '=', 'push')
      .where('r.removed_seq', 'is', null)
      .executeTakeFirst();
    const kid = row && (await signingKidOf(tx, tenant));
    if (!row || row.endpoint_url === null || kid === undefined) return undefined;
    return {
      tenant,
      id,
      url: row.endpoint_url,
      sealedAuthorization: row.sealed_authorization,
      kid,
      enabled: row.status === 'enabled',
    };
  }

  async next(tx: Transaction, stream: PushStream, through: number): Promise<Next<SignalMessage>> {
    const row = await tx
      .selectFrom('signal_sets')
      .selectAll()
      .where('tenant_id', '=', stream.tenant)
      .where('stream_id', '=', stream.id)
      .where('no', '>', through)
      .where('parked_at', 'is', null)
      .$if(!stream.enabled, (all) => all.where('control', '=', true))
      .orderBy('no')
      .limit(1)
      .executeTakeFirst();
    if (!row) return { through, more: false };
    // Past what is held while paused, the cursor must not go.
    return { message: messageOf(row), through: stream.enabled ? row.no : through, more: true };
  }

  async at(tx: Transaction, stream: PushStream, seq: number): Promise<SignalMessage | undefined> {
    if (!stream.enabled) return undefined;
    const row = await tx
      .selectFrom('signal_sets')
      .selectAll()
      .where('tenant_id', '=', stream.tenant)
      .where('stream_id', '=', stream.id)
      .where('seq', '=', seq)
      // What was taken is not here any more, and what is held has its turn.
      .where('parked_at', 'is not', null)
      .orderBy('no')
      .limit(1)
      .executeTakeFirst();
    return row && messageOf(row);
  }

  async send(stream: PushStream, message: SignalMessage): Promise<Answer> {
    const authorization =
      stream.sealedAuthorization === null
        ? undefined
        : (
            await this.keys.unseal(stream.tenant, SEALED_AUTHORIZATION, stream.id, stream.sealedAuthorization)
          ).toString();
    const { answer, response } = await ask(this.outbound, {
      url: stream.url,
      headers: {
        'content-type': 'application/secevent+jwt',
        accept: 'application/json',
        ...(authorization !== undefined && { authorization }),
      },
      body: await this.tokens.sign(stream.tenant, stream.kid, message.claims),
    });
    const err = response?.status === 400 ? errorOf(response.body) : undefined;
    return err === undefined ? answer : { ...answer, reason: `set.${err}`, hopeless: HOPELESS.has(err) };
  }

  /** What was taken is held no longer; what was given up on is kept for a replay. */
  async passed(
    tx: Transaction,
    stream: PushStream,
    { no, seq }: SignalMessage,
    how: { readonly accepted: boolean; readonly again: boolean },
  ): Promise<void> {
    if (how.accepted) {
      await tx
        .deleteFrom('signal_sets')
        .where('tenant_id', '=', stream.tenant)
        .where('stream_id', '=', stream.id)
        .where('no', '=', no)
        .execute();
      // One event of the ledger may be several tokens: whoever wants it again wants all that were given up on.
      if (how.again && seq !== null && (await this.at(tx, stream, seq))) {
        await tx
          .insertInto('redeliveries')
          .values({
            tenant_id: stream.tenant,
            receiver_kind: this.kind,
            receiver_id: stream.id,
            seq,
            requested_by: JSON.stringify({ kind: 'system', id: 'deliveries' }),
          })
          .onConflict((conflict) => conflict.doNothing())
          .execute();
      }
      return;
    }
    await tx
      .updateTable('signal_sets')
      .set({ parked_at: sql<Date>`clock_timestamp()` })
      .where('tenant_id', '=', stream.tenant)
      .where('stream_id', '=', stream.id)
      .where('no', '=', no)
      .execute();
  }

  /**
   * Whoever fails is paused, so that what is held is there when it works again, and is told so as soon as it does (SSF
   * §8.1.5); whoever is gone is disabled.
   */
  async giveUp({ tenant, id }: ReceiverAddress, because: 'gone' | 'failing'): Promise<void> {
    const status = because === 'gone' ? 'disabled' : 'paused';
    await this.database.asTenant(tenant, async (tx) => {
      const stream = await tx
        .selectFrom('signal_streams as s')
        .innerJoin('signal_receivers as r', (join) =>
          join.onRef('r.tenant_id', '=', 's.tenant_id').onRef('r.receiver_id', '=', 's.receiver_id'),
        )
        .select('r.audience')
        .where('s.tenant_id', '=', tenant)
        .where('s.stream_id', '=', id)
        .where('s.status', '=', 'enabled')
        .forUpdate('s')
        .executeTakeFirst();
      if (!stream) return;
      await stopHolding(tx, { tenant, stream: id }, status, because);
      if (status === 'disabled') return;
      const about = { issuer: await issuerOf(tx, tenant), audience: stream.audience, stream: id };
      const claims = streamClaims(about, STREAM_UPDATED, { status, reason: because });
      await hold(tx, { tenant, stream: id }, [{ ...claims, epoch: 1, seq: null, control: true }]);
    });
  }
}

function messageOf(row: Selectable<SignalSetsRow>): SignalMessage {
  const { jti: id, event_type: type, epoch, seq, no } = row;
  return { id, type, epoch, seq, no, claims: row.claims as Record<string, unknown> };
}

/** The `err` of a refusal (RFC 8935 §2.3), where it is one of the registered form. */
function errorOf(body: Buffer): string | undefined {
  try {
    const { err } = JSON.parse(body.toString()) as { err?: unknown };
    return typeof err === 'string' && /^[a-z_]{1,40}$/.test(err) ? err : undefined;
  } catch {
    return undefined;
  }
}
