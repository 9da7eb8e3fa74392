import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Database, Position } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import { StartupError } from '@grantkeeper/platform';
import { z } from 'zod';

/** An event that a restore has lost and that an export still tells. */
export interface LostAct {
  readonly seq: number;
  readonly type: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

const line = z.object({
  tenant: z.uuid(),
  epoch: z.int(),
  seq: z.int().positive(),
  id: z.uuid(),
  type: z.string(),
  payload: z.record(z.string(), z.unknown()),
});

/**
 * The events of these exports that come after where each ledger has ended, in their order. Throws {@link StartupError}
 * for a file that is not an export, or is one of another ledger: its events up to there must be the ledger's.
 */
export async function lostActs(
  files: readonly string[],
  database: Database,
  heads: ReadonlyMap<TenantId, Position>,
): Promise<Map<TenantId, LostAct[]>> {
  const found = new Map<TenantId, Map<number, LostAct>>();
  for (const file of files) {
    let number = 0;
    for await (const text of createInterface({ input: createReadStream(file) })) {
      number += 1;
      if (text === '') continue;
      const { tenant, epoch, seq, id, type, payload } = readLine(text, `${file}, line ${number}`);
      const head = heads.get(tenant as TenantId);
      // Also a tenant that was made after that point: there is nothing left of it that could be ended.
      if (!head) continue;
      if (seq === head.seq) await refuseOther(database, tenant as TenantId, seq, id, file);
      if (epoch !== head.epoch || seq <= head.seq) continue;
      let acts = found.get(tenant as TenantId);
      if (!acts) found.set(tenant as TenantId, (acts = new Map()));
      acts.set(seq, { seq, type, payload });
    }
  }
  return new Map(
    Array.from(found, ([tenant, acts]) => [tenant, [...acts.values()].sort((one, other) => one.seq - other.seq)]),
  );
}

function readLine(text: string, place: string): z.infer<typeof line> {
  try {
    return line.parse(JSON.parse(text));
  } catch {
    throw new StartupError(`${place} is not a line of an export.`);
  }
}

async function refuseOther(database: Database, tenant: TenantId, seq: number, id: string, file: string): Promise<void> {
  const row = await database.asTenant(tenant, (tx) =>
    tx
      .selectFrom('events')
      .select('event_id')
      .where('tenant_id', '=', tenant)
      .where('seq', '=', seq)
      .executeTakeFirst(),
  );
  if (row?.event_id !== id)
    throw new StartupError(`${file} is an export of another ledger: its event ${seq} of tenant ${tenant} is not ours.`);
}
