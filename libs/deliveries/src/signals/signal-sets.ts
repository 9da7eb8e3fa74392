import { randomUUID } from 'node:crypto';
import type { Transaction } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import { sql } from 'kysely';

/** So many security events are held for a stream; with one more it is disabled. */
export const MOST_HELD = 10_000;
/** And for so long. */
export const HELD_DAYS = 30;

/** Where a security event is held. */
export interface OfStream {
  readonly tenant: TenantId;
  readonly stream: string;
}

export interface HeldSignal {
  readonly jti: string;
  readonly type: string;
  readonly epoch: number;
  /** Null for what stands in no ledger. */
  readonly seq: number | null;
  /** About the stream itself: sent whatever its status. */
  readonly control: boolean;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** Holds security events for a stream, behind those that are held. */
export async function hold(
  tx: Transaction,
  { tenant, stream }: OfStream,
  signals: readonly HeldSignal[],
): Promise<void> {
  const { last_no: last } = await tx
    .updateTable('signal_streams')
    .set({ last_no: sql<number>`last_no + ${signals.length}::int` })
    .where('tenant_id', '=', tenant)
    .where('stream_id', '=', stream)
    .returning('last_no')
    .executeTakeFirstOrThrow();
  await tx
    .insertInto('signal_sets')
    .values(
      signals.map((signal, index) => ({
        tenant_id: tenant,
        stream_id: stream,
        no: last - signals.length + 1 + index,
        jti: signal.jti,
        epoch: signal.epoch,
        seq: signal.seq,
        event_type: signal.type,
        claims: JSON.stringify(signal.claims),
        control: signal.control,
        parked_at: null,
      })),
    )
    .execute();
}

/** Pauses or disables a stream by our own decision; a disabled one holds nothing (SSF §8.1.2.1). */
export async function stopHolding(
  tx: Transaction,
  { tenant, stream }: OfStream,
  status: 'paused' | 'disabled',
  reason: string,
): Promise<void> {
  await tx
    .updateTable('signal_streams')
    .set({ status, status_reason: reason })
    .where('tenant_id', '=', tenant)
    .where('stream_id', '=', stream)
    .execute();
  if (status === 'disabled') await dropHeld(tx, { tenant, stream });
}

export async function dropHeld(tx: Transaction, { tenant, stream }: OfStream): Promise<void> {
  await tx.deleteFrom('signal_sets').where('tenant_id', '=', tenant).where('stream_id', '=', stream).execute();
}

/** An event about the stream itself (SSF §8.1.4, §8.1.5). */
export function streamClaims(
  of: { readonly issuer: string; readonly audience: string; readonly stream: string },
  type: string,
  says: Readonly<Record<string, unknown>>,
): Pick<HeldSignal, 'jti' | 'type' | 'claims'> {
  const jti = `${of.stream}.${randomUUID()}`;
  const claims = {
    iss: of.issuer,
    aud: of.audience,
    jti,
    iat: Math.floor(Date.now() / 1000),
    txn: jti,
    sub_id: { format: 'opaque', id: of.stream },
    events: { [type]: says },
  };
  return { jti, type, claims };
}
