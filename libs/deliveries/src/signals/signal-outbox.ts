import type { EventConsumer, EventContext, LedgerEvent } from '@grantkeeper/consumers';
import type { SignalStreamsRow, Transaction } from '@grantkeeper/event-store';
import type { Selectable } from 'kysely';
import { sql } from 'kysely';
import { deliveredOf, STREAM_UPDATED } from './signal-event-types.ts';
import { hold, MOST_HELD, stopHolding, streamClaims } from './signal-sets.ts';
import { isRemoved, removalsOf, subjectIdentifier, type SubjectMembers } from './signal-subjects.ts';
import { initiatorOf, type Signal, SIGNALLED_EVENTS, signalsOf } from './signals-of-event.ts';

type Stream = Pick<Selectable<SignalStreamsRow>, 'stream_id' | 'events_requested' | 'last_no'> & {
  readonly audience: string;
  readonly oldest: number | null;
};

/**
 * Puts security events aside for every stream that wants them, exactly once and in the order of the ledger, together with
 * its cursor. From there they are pushed, or wait to be polled.
 */
export class SignalOutbox implements EventConsumer {
  readonly name = 'signals';
  readonly effects = 'inward';
  readonly onFailure = 'block';
  readonly handles = SIGNALLED_EVENTS;

  async apply(event: LedgerEvent, { tx }: EventContext): Promise<void> {
    const streams = await this.#streams(tx, event);
    if (streams.length === 0) return;
    const signals = await signalsOf(event, tx);
    if (signals.length === 0) return;
    const issuer = await issuerOf(tx, event.tenantId);
    for (const stream of streams) await this.#hold(tx, event, issuer, stream, signals);
  }

  /** Those that are told of what happened now: not those that are disabled, or were made later. */
  async #streams(tx: Transaction, event: LedgerEvent): Promise<Stream[]> {
    return tx
      .selectFrom('signal_streams as s')
      .innerJoin('signal_receivers as r', (join) =>
        join.onRef('r.tenant_id', '=', 's.tenant_id').onRef('r.receiver_id', '=', 's.receiver_id'),
      )
      .select(['s.stream_id', 's.events_requested', 's.last_no', 'r.audience'])
      .select(
        sql<number | null>`(SELECT min(h.no) FROM signal_sets h
          WHERE h.tenant_id = s.tenant_id AND h.stream_id = s.stream_id AND h.parked_at IS NULL)`.as('oldest'),
      )
      .where('s.tenant_id', '=', event.tenantId)
      .where('s.status', '<>', 'disabled')
      .where('s.created_seq', '<', event.seq)
      .where('r.removed_seq', 'is', null)
      .orderBy('s.stream_id')
      .forUpdate('s')
      .execute();
  }

  async #hold(
    tx: Transaction,
    event: LedgerEvent,
    issuer: string,
    stream: Stream,
    signals: readonly Signal[],
  ): Promise<void> {
    const delivered = deliveredOf(stream.events_requested);
    const wanted = signals.filter(({ type }) => delivered.includes(type));
    if (wanted.length === 0) return;
    const removed = await tx
      .selectFrom('signal_subjects_removed')
      .select('members')
      .where('tenant_id', '=', event.tenantId)
      .where('stream_id', '=', stream.stream_id)
      // A receiver can have removed thousands: those that matter are found by their key.
      .where(
        sql<boolean>`members = ANY(${wanted.flatMap(({ subject }) => removalsOf(subject).map((one) => JSON.stringify(one)))}::jsonb[])`,
      )
      .execute();
    const left = wanted.filter(
      ({ subject }) => !removed.some(({ members }) => isRemoved(subject, members as SubjectMembers)),
    );
    if (left.length === 0) return;
    const where = { tenant: event.tenantId, stream: stream.stream_id };
    if (stream.oldest !== null && stream.last_no - stream.oldest + left.length >= MOST_HELD) {
      await stopHolding(tx, where, 'disabled', 'buffer_full');
      const says = { status: 'disabled', reason: 'buffer_full' };
      const about = { issuer, audience: stream.audience, stream: stream.stream_id };
      await hold(tx, where, [
        { ...streamClaims(about, STREAM_UPDATED, says), epoch: event.epoch, seq: null, control: true },
      ]);
      return;
    }
    await hold(
      tx,
      where,
      left.map((signal, index) => {
        const jti = `${stream.stream_id}.${event.epoch}.${event.seq}.${index}`;
        return {
          jti,
          type: signal.type,
          epoch: event.epoch,
          seq: event.seq,
          control: false,
          claims: claimsOf(event, signal, { issuer, audience: stream.audience, jti }),
        };
      }),
    );
  }
}

function claimsOf(
  event: LedgerEvent,
  signal: Signal,
  of: { readonly issuer: string; readonly audience: string; readonly jti: string },
): Record<string, unknown> {
  const seconds = Math.floor(event.recordedAt.getTime() / 1000);
  const because = event.payload['because'];
  return {
    iss: of.issuer,
    aud: of.audience,
    jti: of.jti,
    iat: seconds,
    // The same for all that one event of the ledger has caused (SSF §4.1.9).
    txn: `${event.tenantId}-${event.epoch}-${event.seq}`,
    sub_id: subjectIdentifier(of.issuer, event.tenantId, signal.subject),
    events: {
      [signal.type]: {
        event_timestamp: seconds,
        initiating_entity: initiatorOf(event),
        // A code of ours: what a person wrote as a reason stays in the ledger.
        reason_admin: { en: typeof because === 'string' ? because : event.type },
        ...signal.says,
      },
    },
  };
}

/** The tenant's issuer, for ever the same. */
export async function issuerOf(tx: Transaction, tenant: string): Promise<string> {
  const { url } = await tx
    .selectFrom('issuers')
    .select('url')
    .where('tenant_id', '=', tenant)
    .executeTakeFirstOrThrow();
  return url;
}
