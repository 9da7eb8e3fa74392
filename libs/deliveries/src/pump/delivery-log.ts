import type { Transaction } from '@grantkeeper/event-store';
import { sql } from 'kysely';
import { v7 as uuidv7 } from 'uuid';
import { type Answer, letterName, type Message, type ReceiverAddress } from './receiver.ts';

export interface Attempt {
  readonly message: Message;
  readonly number: number;
  readonly answer: Answer;
  readonly outcome: 'accepted' | 'failed' | 'given_up';
  readonly retryInMs: number | null;
  /** Someone wanted it sent once more. */
  readonly again: boolean;
}

/** Writes an attempt into the delivery log. */
export async function logAttempt(tx: Transaction, address: ReceiverAddress, attempt: Attempt): Promise<void> {
  const { message, answer, retryInMs } = attempt;
  await tx
    .insertInto('deliveries')
    .values({
      tenant_id: address.tenant,
      receiver_kind: address.kind,
      receiver_id: address.id,
      delivery_id: uuidv7(),
      message_id: message.id,
      seq: message.seq,
      type: message.type,
      attempt: attempt.number,
      outcome: attempt.outcome,
      status: answer.status,
      reason: answer.reason,
      duration_ms: answer.durationMs,
      excerpt: answer.excerpt,
      next_try_at:
        retryInMs === null ? null : sql<Date>`clock_timestamp() + make_interval(secs => ${retryInMs / 1000})`,
      again: attempt.again,
    })
    .execute();
}

/** Puts a message aside, in the transaction that goes past it. */
export async function putAside(
  tx: Transaction,
  address: ReceiverAddress,
  message: Message,
  failure: { readonly reason: string; readonly attempts: number },
): Promise<void> {
  if (message.seq === null) return;
  await tx
    .insertInto('dead_letters')
    .values({
      tenant_id: address.tenant,
      consumer: letterName(address),
      seq: message.seq,
      epoch: message.epoch,
      event_type: message.type,
      reason: failure.reason,
      attempts: failure.attempts,
      first_at: sql<Date>`coalesce((SELECT c.failed_at FROM receiver_cursors c WHERE c.tenant_id = ${address.tenant}
        AND c.receiver_kind = ${address.kind} AND c.receiver_id = ${address.id}), clock_timestamp())`,
      replay_requested_at: null,
      replay_requested_by: null,
      resolved_at: null,
    })
    // Told anew from an earlier position, it may fail for good a second time.
    .onConflict((conflict) =>
      conflict
        .columns(['tenant_id', 'consumer', 'seq'])
        .doUpdateSet({ reason: failure.reason, attempts: failure.attempts, resolved_at: null }),
    )
    .execute();
}
