import { parseArgs } from 'node:util';
import { type Database, describeDifference, TenantDirectory, verifyLedger } from '@grantkeeper/event-store';
import { SYSTEM_TENANT, tenantId as toTenantId, type TenantId } from '@grantkeeper/kernel';
import { inlineProjections } from '@grantkeeper/read-models';

interface Named {
  readonly id: TenantId;
  readonly name: string;
}

const PAGE = 500;

/**
 * `verify [--tenant slug or id]`: folds the ledgers and compares every live row with what the events say. One line for
 * each ledger, with the first difference where there is one. Answers the exit code: 1 when anything differs.
 */
export async function verifyCommand(args: readonly string[], database: Database): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { tenant: { type: 'string' } } });
  let verified = 0;
  let diverged = 0;
  let events = 0;
  const began = performance.now();
  for await (const { id, name } of values.tenant === undefined
    ? everyTenant(database)
    : oneTenant(database, values.tenant)) {
    const start = performance.now();
    const show = progress(name);
    const { seq, ok, rows, differences } = await verifyLedger(database, inlineProjections, id, { onProgress: show.of });
    show.end();
    verified += 1;
    events += seq;
    const counted = Object.values(rows).reduce((sum, count) => sum + count, 0);
    const took = `${((performance.now() - start) / 1000).toFixed(1)} s`;
    console.log(
      `${ok ? '✓' : '✗'} ${name}  ${seq.toLocaleString('en')} events, ${counted.toLocaleString('en')} rows, ${took}`,
    );
    const [first] = differences;
    if (!first) continue;
    diverged += 1;
    console.log(`    ${describeDifference(first)}`);
    if (differences.length > 1)
      console.log(`    and ${differences.length - 1} more${differences.length >= 20 ? ' at least' : ''}`);
  }
  const seconds = (performance.now() - began) / 1000;
  console.log(
    `${verified === 1 ? '1 ledger' : `${verified.toLocaleString('en')} ledgers`}, ${events.toLocaleString('en')} events in ${seconds.toFixed(1)} s: ` +
      (diverged === 0
        ? 'the live rows are what the events say'
        : `${diverged} ${diverged === 1 ? 'differs' : 'differ'}`),
  );
  return diverged === 0 ? 0 : 1;
}

async function* oneTenant(database: Database, wanted: string): AsyncGenerator<Named> {
  const id = wanted === 'system' ? SYSTEM_TENANT : await new TenantDirectory(database).findBySlugOrId(wanted);
  if (!id) throw new Error(`There is no tenant "${wanted}".`);
  yield { id, name: wanted };
}

async function* everyTenant(database: Database): AsyncGenerator<Named> {
  for (let after = '00000000-0000-0000-0000-000000000000'; ;) {
    const rows = await database.relay<{ tenant_id: string; slug: string | null }>(
      `SELECT h.tenant_id, d.slug FROM heads h LEFT JOIN tenant_directory d ON d.tenant_id = h.tenant_id
       WHERE h.tenant_id > $1 ORDER BY h.tenant_id LIMIT $2`,
      [after, PAGE],
    );
    for (const row of rows) {
      const id = toTenantId(row.tenant_id);
      yield { id, name: row.slug ?? (id === SYSTEM_TENANT ? 'system' : id) };
    }
    const last = rows.at(-1);
    if (!last || rows.length < PAGE) return;
    after = last.tenant_id;
  }
}

/** On a terminal, a line that is written over while a long ledger is read. */
function progress(name: string): { of: (seq: number, head: number) => void; end: () => void } {
  const { stderr } = process;
  if (!stderr.isTTY) return { of: () => undefined, end: () => undefined };
  let shown = false;
  return {
    of(seq, head) {
      if (seq >= head && !shown) return;
      shown = true;
      const part = head === 0 ? 1 : seq / head;
      const bar = '█'.repeat(Math.round(part * 30)).padEnd(30, '░');
      stderr.write(`\r${bar} ${Math.round(part * 100)} % ${name}\u001b[K`);
    },
    end() {
      if (shown) stderr.write('\r\u001b[K');
    },
  };
}
