import type { Transaction } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import { sql } from 'kysely';
import type { Progress } from './event-reader.ts';

/** Puts cursors where their consumers have come, in one statement; the caller's transaction holds them. */
export async function moveCursors(
  tx: Transaction,
  tenant: TenantId,
  epoch: number,
  moves: ReadonlyArray<Progress & { readonly consumer: string }>,
): Promise<void> {
  if (moves.length === 0) return;
  // A cursor is restored together with its ledger, so in a new epoch it goes on where it stands.
  await sql`
    UPDATE consumer_cursors c SET epoch = ${epoch}, seq = m.at, attempts = m.attempts, last_error = m."lastError",
      retry_at = clock_timestamp() + make_interval(secs => m."retryInMs" / 1000),
      failed_at = CASE WHEN m.attempts > 0 THEN coalesce(m."failedAt", clock_timestamp()) END, through_at = m."throughAt"
    FROM jsonb_to_recordset(${JSON.stringify(moves)}::jsonb) AS m(consumer text, at bigint, attempts int,
      "retryInMs" float8, "lastError" text, "failedAt" timestamptz, "throughAt" timestamptz)
    WHERE c.tenant_id = ${tenant} AND c.consumer = m.consumer`.execute(tx);
}
