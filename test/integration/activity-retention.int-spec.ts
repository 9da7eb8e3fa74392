import { openPool } from '@grantkeeper/event-store';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type pg from 'pg';
import { openLedger, type TestLedger } from '../support/ledger.ts';

let ledger: TestLedger;
let retention: pg.Pool;
beforeAll(async () => {
  ledger = await openLedger();
  retention = openPool(ledger.url, 'retention', { max: 2 });
});
afterAll(async () => {
  await retention.end();
  await ledger.close();
});

async function maintain(now: string): Promise<string[]> {
  const { rows } = await retention.query<{ action: string; partition: string }>(
    'SELECT * FROM maintain_activity($1, 1, $2)',
    [JSON.stringify({ standard: 400, tool: 90 }), now],
  );
  return rows.map(({ action, partition }) => `${action} ${partition.replace('activity_partitions.', '')}`).sort();
}

describe('activity', () => {
  it('gets its partitions ahead of time, once, and loses each class after its own days', async () => {
    const ahead = (await maintain('2031-01-15')).filter((done) => done.startsWith('created'));
    expect(ahead).toEqual([
      'created standard_2031_01',
      'created standard_2031_02',
      'created tool_2031_01',
      'created tool_2031_02',
    ]);
    expect(await maintain('2031-01-15')).toEqual([]);
    // January ends on the 1st of February; 90 days later is the 2nd of May.
    expect((await maintain('2031-05-01')).filter((done) => done.startsWith('dropped'))).toEqual([]);
    expect((await maintain('2031-05-03')).filter((done) => done.startsWith('dropped'))).toEqual([
      'dropped tool_2031_01',
    ]);
    expect((await maintain('2032-03-08')).filter((done) => done.startsWith('dropped'))).toContain(
      'dropped standard_2031_01',
    );
  });

  it('is kept once however many processes maintain it at the same time', async () => {
    const done = await Promise.all([maintain('2040-01-01'), maintain('2040-01-01')]);
    expect(done.flat().filter((line) => line === 'created tool_2040_01')).toHaveLength(1);
  });

  it('of this month goes into this month’s partition, and none of it is lost while there is no partition', async () => {
    const tenantId = await ledger.tenant();
    const record = (what: string, at: string) =>
      ledger.database.asTenant(tenantId, (tx) =>
        tx.insertInto('activity').values({ tenant_id: tenantId, retention_class: 'tool', what, at }).execute(),
      );
    await maintain('2050-06-01');
    await record('in', '2050-06-15T12:00:00Z');
    await record('out', '2060-01-01T00:00:00Z');
    const rows = await ledger.database.asTenant(tenantId, (tx) =>
      tx.selectFrom('activity').select(['what']).orderBy('at').execute(),
    );
    expect(rows.map((row) => row.what)).toEqual(['in', 'out']);
  });

  it('cannot be read by the role that drops it', async () => {
    const tenantId = await ledger.tenant();
    await maintain(new Date().toISOString());
    await ledger.database.asTenant(tenantId, (tx) =>
      tx.insertInto('activity').values({ tenant_id: tenantId, retention_class: 'tool', what: 'x' }).execute(),
    );
    for (const table of [
      'activity',
      'activity_tool',
      'activity_partitions.tool_rest',
      `activity_partitions.tool_${new Date().toISOString().slice(0, 7).replace('-', '_')}`,
    ]) {
      expect([table, (await retention.query(`SELECT 1 FROM ${table}`)).rowCount]).toEqual([table, 0]);
    }
    await expect(retention.query('SELECT 1 FROM events')).rejects.toMatchObject({ code: '42501' });
    await expect(retention.query('SELECT 1 FROM grants')).rejects.toMatchObject({ code: '42501' });
  });
});
