import type { Database, Transaction } from '@grantkeeper/event-store';
import type { SecurityEventTokens } from '@grantkeeper/tokens';
import { sql } from 'kysely';
import { logAttempt, putAside } from '../pump/delivery-log.ts';
import { deliveryMetrics } from '../pump/delivery-metrics.ts';
import type { SignalReceiver } from './signal-streams.ts';
import { streamOf } from './signal-streams.ts';
import { signingKidOf } from './signing-kid.ts';

/** A poll (RFC 8936 §2.2), read. */
export interface Poll {
  readonly maxEvents: number;
  /** Ids of tokens that the receiver has taken. */
  readonly ack: readonly string[];
  /** And of those that it cannot take, with its error code and words. */
  readonly setErrs: ReadonlyMap<string, { readonly err: string; readonly description: string | null }>;
}

export interface Polled {
  /** Tokens by their id, in their order. */
  readonly sets: Readonly<Record<string, string>>;
  readonly moreAvailable: boolean;
}

interface Held {
  readonly no: number;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly jti: string;
}

/** Streams that are polled: what is held, in its order, again and again until the receiver says that it has it. */
export class SignalPolls {
  constructor(
    private readonly database: Database,
    private readonly tokens: SecurityEventTokens,
  ) {}

  /** Takes what the receiver says of earlier tokens, then gives it the next. Rejects with `signals.stream_not_found`. */
  async poll(receiver: SignalReceiver, streamId: string, poll: Poll): Promise<Polled> {
    const { held, kid } = await this.database.asTenant(receiver.tenant, async (tx) => {
      const stream = await streamOf(tx, receiver, streamId);
      await this.#takeAnswers(tx, receiver, streamId, poll);
      return {
        held: stream.method === 'poll' ? await this.#held(tx, receiver, streamId, stream.status, poll.maxEvents) : [],
        kid: await signingKidOf(tx, receiver.tenant),
      };
    });
    const given = kid === undefined ? [] : held.slice(0, poll.maxEvents);
    const signed = await Promise.all(
      given.map(async ({ jti, claims }) => [jti, await this.tokens.sign(receiver.tenant, kid!, claims)] as const),
    );
    return { sets: Object.fromEntries(signed), moreAvailable: held.length > given.length };
  }

  async #held(
    tx: Transaction,
    receiver: SignalReceiver,
    streamId: string,
    status: string,
    maxEvents: number,
  ): Promise<Held[]> {
    const rows = await tx
      .selectFrom('signal_sets')
      .select(['no', 'jti', 'claims'])
      .where('tenant_id', '=', receiver.tenant)
      .where('stream_id', '=', streamId)
      .where('parked_at', 'is', null)
      .$if(status !== 'enabled', (all) => all.where('control', '=', true))
      .orderBy('no')
      // One more than is given says whether there are more.
      .limit(maxEvents + 1)
      .execute();
    return rows.map(({ no, jti, claims }) => ({ no, jti, claims: claims as Record<string, unknown> }));
  }

  async #takeAnswers(tx: Transaction, receiver: SignalReceiver, streamId: string, poll: Poll): Promise<void> {
    const of = (jtis: readonly string[]) =>
      sql<boolean>`tenant_id = ${receiver.tenant} AND stream_id = ${streamId} AND jti = ANY (${[...jtis]}::text[])`;
    if (poll.ack.length > 0) {
      const taken = await tx.deleteFrom('signal_sets').where(of(poll.ack)).returning('jti').execute();
      deliveryMetrics.deliveries.add({ kind: 'signals', outcome: 'accepted' }, taken.length);
    }
    const refused = [...poll.setErrs.keys()].filter((jti) => !poll.ack.includes(jti));
    if (refused.length === 0) return;
    const rows = await tx
      .updateTable('signal_sets')
      .set({ parked_at: sql<Date>`clock_timestamp()` })
      .where(of(refused))
      .where('parked_at', 'is', null)
      .returning(['jti', 'epoch', 'seq', 'event_type'])
      .execute();
    const address = { tenant: receiver.tenant, kind: 'signals', id: streamId } as const;
    for (const row of rows) {
      const message = { id: row.jti, type: row.event_type, epoch: row.epoch, seq: row.seq };
      const { err, description } = poll.setErrs.get(row.jti)!;
      const reason = `set.${err}`;
      await putAside(tx, address, message, { reason, attempts: 1 });
      await logAttempt(tx, address, {
        message,
        number: 1,
        answer: { accepted: false, reason, status: null, durationMs: 0, excerpt: description },
        outcome: 'given_up',
        retryInMs: null,
        again: false,
      });
      deliveryMetrics.givenUp.add({ kind: 'signals' });
    }
  }
}
