import { randomUUID } from 'node:crypto';
import type { Database, SignalStreamsRow, Transaction } from '@grantkeeper/event-store';
import type { TenantKeys } from '@grantkeeper/keys';
import { DomainError, type TenantId } from '@grantkeeper/kernel';
import type { Selectable } from 'kysely';
import { sql } from 'kysely';
import { firstCursorRow } from '../pump/receiver-cursors.ts';
import { VERIFICATION } from './signal-event-types.ts';
import { issuerOf } from './signal-outbox.ts';
import { dropHeld, hold, streamClaims } from './signal-sets.ts';
import type { SubjectMembers } from './signal-subjects.ts';

/** What authorizations of streams are sealed for. */
export const SEALED_AUTHORIZATION = 'signal-stream-authorization';
export const MOST_STREAMS = 5;
export const MIN_VERIFICATION_SECONDS = 30;
const MOST_REMOVED_SUBJECTS = 10_000;
/** In bytes: they are found by an index, whose rows are bounded. One client or one resource is always shorter. */
const LONGEST_SUBJECT = 2_400;

export type StreamStatus = 'enabled' | 'paused' | 'disabled';
export type Stream = Selectable<SignalStreamsRow>;

/** A receiver that has proven who it is. */
export interface SignalReceiver {
  readonly tenant: TenantId;
  readonly id: string;
  readonly audience: string;
}

/** What a receiver decides about a stream. */
export interface StreamSettings {
  readonly delivery:
    | { readonly method: 'push'; readonly url: string; readonly authorization?: string | undefined }
    | { readonly method: 'poll' };
  readonly eventsRequested: readonly string[] | null;
  readonly description: string | null;
}

/** The streams of receivers: what they have asked for, each only their own. */
export class SignalStreams {
  constructor(
    private readonly database: Database,
    private readonly keys: TenantKeys,
  ) {}

  /** Rejects with `signals.too_many_streams`. */
  async create(receiver: SignalReceiver, settings: StreamSettings): Promise<Stream> {
    const streamId = randomUUID();
    const columns = await this.#columns(receiver.tenant, streamId, settings);
    return this.database.asTenant(receiver.tenant, async (tx) => {
      // Two at once would both find room: the receiver's row lets one of them pass.
      await tx
        .selectFrom('signal_receivers')
        .select('receiver_id')
        .where('tenant_id', '=', receiver.tenant)
        .where('receiver_id', '=', receiver.id)
        .forUpdate()
        .executeTakeFirstOrThrow();
      if ((await streamsOf(tx, receiver)).length >= MOST_STREAMS)
        throw new DomainError(
          'signals.too_many_streams',
          `A receiver has at most ${MOST_STREAMS} streams.`,
          'forbidden',
        );
      const head = await tx
        .selectFrom('heads')
        .select(['epoch', 'seq'])
        .where('tenant_id', '=', receiver.tenant)
        .executeTakeFirstOrThrow();
      const row = await tx
        .insertInto('signal_streams')
        .values({
          tenant_id: receiver.tenant,
          stream_id: streamId,
          receiver_id: receiver.id,
          ...columns,
          status_reason: null,
          created_seq: head.seq,
          verified_at: null,
        })
        .returningAll()
        .executeTakeFirstOrThrow();
      await pushOrNot(tx, row, head.epoch);
      return row;
    });
  }

  async list(receiver: SignalReceiver): Promise<Stream[]> {
    return this.database.asTenant(receiver.tenant, (tx) => streamsOf(tx, receiver));
  }

  /** Rejects with `signals.stream_not_found`, also for streams of others. */
  async get(receiver: SignalReceiver, streamId: string): Promise<Stream> {
    return this.database.asTenant(receiver.tenant, (tx) => streamOf(tx, receiver, streamId));
  }

  /** Replaces what the receiver decides, by what `change` makes of it. What is held stays held. */
  async change(
    receiver: SignalReceiver,
    streamId: string,
    change: (before: Stream) => StreamSettings,
  ): Promise<Stream> {
    const before = await this.get(receiver, streamId);
    const settings = change(before);
    const columns = await this.#columns(receiver.tenant, streamId, settings);
    return this.database.asTenant(receiver.tenant, async (tx) => {
      const row = await tx
        .updateTable('signal_streams')
        .set(columns)
        .where('tenant_id', '=', receiver.tenant)
        .where('stream_id', '=', streamId)
        .where('receiver_id', '=', receiver.id)
        .returningAll()
        .executeTakeFirst();
      if (!row) throw notFound();
      await pushOrNot(tx, row, 1);
      return row;
    });
  }

  async remove(receiver: SignalReceiver, streamId: string): Promise<void> {
    await this.database.asTenant(receiver.tenant, async (tx) => {
      await streamOf(tx, receiver, streamId);
      await removeStream(tx, receiver.tenant, streamId);
    });
  }

  /** Disabled, it holds nothing: what is held is dropped. Enabled, what is held is sent, and failures before are forgotten. */
  async setStatus(
    receiver: SignalReceiver,
    streamId: string,
    status: StreamStatus,
    reason: string | null,
  ): Promise<Stream> {
    return this.database.asTenant(receiver.tenant, async (tx) => {
      await streamOf(tx, receiver, streamId);
      if (status === 'disabled') await dropHeld(tx, { tenant: receiver.tenant, stream: streamId });
      if (status === 'enabled') {
        await tx
          .updateTable('receiver_cursors')
          .set({ attempts: 0, retry_at: null, failed_at: null, failing_since_at: null })
          .where('tenant_id', '=', receiver.tenant)
          .where('receiver_kind', '=', 'signals')
          .where('receiver_id', '=', streamId)
          .execute();
      }
      return tx
        .updateTable('signal_streams')
        .set({ status, status_reason: reason })
        .where('tenant_id', '=', receiver.tenant)
        .where('stream_id', '=', streamId)
        .returningAll()
        .executeTakeFirstOrThrow();
    });
  }

  /** All subjects are in a stream: adding one puts back what was removed. */
  async addSubject(receiver: SignalReceiver, streamId: string, members: SubjectMembers | undefined): Promise<void> {
    await this.database.asTenant(receiver.tenant, async (tx) => {
      await streamOf(tx, receiver, streamId);
      if (!members) return;
      await tx
        .deleteFrom('signal_subjects_removed')
        .where('tenant_id', '=', receiver.tenant)
        .where('stream_id', '=', streamId)
        .where(sql<boolean>`members = ${JSON.stringify(members)}::jsonb`)
        .execute();
    });
  }

  /** Rejects with `signals.too_many_subjects`. */
  async removeSubject(receiver: SignalReceiver, streamId: string, members: SubjectMembers | undefined): Promise<void> {
    await this.database.asTenant(receiver.tenant, async (tx) => {
      await streamOf(tx, receiver, streamId);
      const { removed } = await tx
        .selectFrom('signal_subjects_removed')
        .select((e) => e.fn.countAll<string>().as('removed'))
        .where('tenant_id', '=', receiver.tenant)
        .where('stream_id', '=', streamId)
        .executeTakeFirstOrThrow();
      if (Number(removed) >= MOST_REMOVED_SUBJECTS)
        throw new DomainError(
          'signals.too_many_subjects',
          'No more subjects can be removed from a stream.',
          'forbidden',
        );
      if (!members) return;
      if (Buffer.byteLength(JSON.stringify(members)) > LONGEST_SUBJECT)
        throw new DomainError('signals.subject_too_long', 'The subject is too long to be kept.', 'invalid', 'subject');
      await tx
        .insertInto('signal_subjects_removed')
        .values({ tenant_id: receiver.tenant, stream_id: streamId, members: JSON.stringify(members) })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
    });
  }

  /** Puts a verification event into the stream (SSF §8.1.4.2). Rejects with `signals.too_often`. */
  async verify(receiver: SignalReceiver, streamId: string, state: string | undefined): Promise<void> {
    await this.database.asTenant(receiver.tenant, async (tx) => {
      const stream = await streamOf(tx, receiver, streamId);
      const marked = await tx
        .updateTable('signal_streams')
        .set({ verified_at: sql<Date>`clock_timestamp()` })
        .where('tenant_id', '=', receiver.tenant)
        .where('stream_id', '=', streamId)
        .where((row) =>
          row.or([
            row('verified_at', 'is', null),
            row('verified_at', '<', sql<Date>`clock_timestamp() - make_interval(secs => ${MIN_VERIFICATION_SECONDS})`),
          ]),
        )
        .returning('stream_id')
        .executeTakeFirst();
      if (!marked) throw new DomainError('signals.too_often', 'Verification was asked for a moment ago.', 'too_many');
      if (stream.status === 'disabled') return;
      const issuer = await issuerOf(tx, receiver.tenant);
      const about = { issuer, audience: receiver.audience, stream: streamId };
      const claims = streamClaims(about, VERIFICATION, state === undefined ? {} : { state });
      await hold(tx, { tenant: receiver.tenant, stream: streamId }, [
        { ...claims, epoch: 1, seq: null, control: false },
      ]);
    });
  }

  async #columns(tenant: TenantId, streamId: string, { delivery, eventsRequested, description }: StreamSettings) {
    const push = delivery.method === 'push' ? delivery : undefined;
    return {
      method: delivery.method,
      endpoint_url: push?.url ?? null,
      sealed_authorization:
        push?.authorization === undefined
          ? null
          : await this.keys.seal(tenant, SEALED_AUTHORIZATION, streamId, Buffer.from(push.authorization)),
      events_requested: eventsRequested && [...eventsRequested],
      description,
    };
  }
}

/** Takes a stream away with all that is held for it. */
export async function removeStream(tx: Transaction, tenant: TenantId, streamId: string): Promise<void> {
  for (const table of ['signal_sets', 'signal_subjects_removed', 'signal_streams'] as const)
    await tx.deleteFrom(table).where('tenant_id', '=', tenant).where('stream_id', '=', streamId).execute();
  await tx
    .deleteFrom('receiver_cursors')
    .where('tenant_id', '=', tenant)
    .where('receiver_kind', '=', 'signals')
    .where('receiver_id', '=', streamId)
    .execute();
}

/** A stream that is pushed has a cursor, and one that is polled has none. */
async function pushOrNot(tx: Transaction, row: Stream, epoch: number): Promise<void> {
  const address = { tenant: row.tenant_id as TenantId, kind: 'signals' as const, id: row.stream_id };
  if (row.method === 'push') {
    await tx
      .insertInto('receiver_cursors')
      .values(firstCursorRow(address, epoch, 0))
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    return;
  }
  await tx
    .deleteFrom('receiver_cursors')
    .where('tenant_id', '=', address.tenant)
    .where('receiver_kind', '=', 'signals')
    .where('receiver_id', '=', row.stream_id)
    .execute();
}

async function streamsOf(tx: Transaction, receiver: SignalReceiver): Promise<Stream[]> {
  return tx
    .selectFrom('signal_streams')
    .selectAll()
    .where('tenant_id', '=', receiver.tenant)
    .where('receiver_id', '=', receiver.id)
    .orderBy('created_at')
    .execute();
}

/** Locked, so that what is decided about it holds until the transaction ends. */
export async function streamOf(tx: Transaction, receiver: SignalReceiver, streamId: string): Promise<Stream> {
  const row = await tx
    .selectFrom('signal_streams')
    .selectAll()
    .where('tenant_id', '=', receiver.tenant)
    .where('receiver_id', '=', receiver.id)
    .where('stream_id', '=', streamId)
    .forUpdate()
    .executeTakeFirst();
  if (!row) throw notFound();
  return row;
}

function notFound(): DomainError {
  return new DomainError('signals.stream_not_found', 'There is no such stream of this receiver.', 'not_found');
}
