import type { Transaction } from '@grantkeeper/event-store';
import { sql } from 'kysely';
import { type Answer, letterName, type ReceiverAddress } from './receiver.ts';

/** SQL for the relay role: receivers of whom someone wants single messages sent again. */
export const RECEIVERS_WITH_REDELIVERIES = `
  SELECT r.tenant_id, r.receiver_kind, r.receiver_id FROM redeliveries r
  UNION SELECT d.tenant_id, split_part(d.consumer, '-', 1), substr(d.consumer, strpos(d.consumer, '-') + 1)::uuid
  FROM dead_letters d WHERE d.replay_requested_at IS NOT NULL AND d.resolved_at IS NULL
    AND d.consumer ~ '^(webhook|signals)-[0-9a-f-]{36}$'`;

/** The position that is wanted again first, by request or as the replay of a dead letter. */
export async function firstWantedAgain(tx: Transaction, address: ReceiverAddress): Promise<number | undefined> {
  const { rows } = await sql<{ seq: number }>`
    SELECT seq FROM redeliveries WHERE tenant_id = ${address.tenant} AND receiver_kind = ${address.kind}
      AND receiver_id = ${address.id}
    UNION SELECT seq FROM dead_letters WHERE tenant_id = ${address.tenant} AND consumer = ${letterName(address)}
      AND replay_requested_at IS NOT NULL AND resolved_at IS NULL
    ORDER BY 1 LIMIT 1`.execute(tx);
  return rows[0]?.seq;
}

/** Ends the wish: it is one attempt. A dead letter is resolved by it, or keeps the newer reason. */
export async function endWish(
  tx: Transaction,
  address: ReceiverAddress,
  seq: number,
  answer: Pick<Answer, 'accepted' | 'reason'>,
): Promise<void> {
  await tx
    .deleteFrom('redeliveries')
    .where('tenant_id', '=', address.tenant)
    .where('receiver_kind', '=', address.kind)
    .where('receiver_id', '=', address.id)
    .where('seq', '=', seq)
    .execute();
  await tx
    .updateTable('dead_letters')
    .set(
      answer.accepted
        ? { resolved_at: sql<Date>`clock_timestamp()` }
        : { reason: answer.reason ?? 'failed', attempts: sql<number>`attempts + 1` },
    )
    .set({ replay_requested_at: null })
    .where('tenant_id', '=', address.tenant)
    .where('consumer', '=', letterName(address))
    .where('seq', '=', seq)
    .where('resolved_at', 'is', null)
    .execute();
}
