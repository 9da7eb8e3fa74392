import { openPool } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import type pg from 'pg';
import { openLedger, type TestLedger } from '../support/ledger.ts';

let ledger: TestLedger;
let retention: pg.Pool;
beforeEach(async () => {
  ledger = await openLedger();
  retention = openPool(ledger.url, 'retention', { max: 2 });
});
afterEach(async () => {
  await retention.end();
  await ledger.close();
});

async function maintain(now: string): Promise<string[]> {
  const { rows } = await retention.query<{ action: string; partition: string }>(
    'SELECT * FROM maintain_activity($1, 1, $2)',
    [JSON.stringify({ standard: 400, tool: 90 }), now],
  );
  return rows.map(({ action, partition }) => `${action} ${partition}`).sort();
}

async function record(tenantId: TenantId, what: string, at: string): Promise<void> {
  await ledger.database.asTenant(tenantId, (tx) =>
    tx.insertInto('activity').values({ tenant_id: tenantId, retention_class: 'tool', what, at }).execute(),
  );
}

async function recorded(tenantId: TenantId): Promise<string[]> {
  const rows = await ledger.database.asTenant(tenantId, (tx) =>
    tx.selectFrom('activity').select(['what']).orderBy('at').execute(),
  );
  return rows.map(({ what }) => what);
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
    await maintain('2050-06-01');
    await record(tenantId, 'in', '2050-06-15T12:00:00Z');
    await record(tenantId, 'out', '2060-01-01T00:00:00Z');
    expect(await recorded(tenantId)).toEqual(['in', 'out']);
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

  it('that came while its month had no partition keeps its days like any other, and new months get theirs', async () => {
    const tenantId = await ledger.tenant();
    await maintain('2031-01-15');
    // The worker was away: April and May have no partitions.
    await record(tenantId, 'april', '2031-04-10T12:00:00Z');
    await record(tenantId, 'may', '2031-05-10T12:00:00Z');
    expect((await maintain('2031-05-11')).filter((done) => done.includes('tool'))).toEqual([
      'created tool_2031_06',
      'dropped tool_2031_01',
      'made of the default partition: tool_until_2031_05',
    ]);
    expect(await maintain('2031-05-11')).toEqual([]);
    await record(tenantId, 'may again', '2031-05-12T12:00:00Z');
    await record(tenantId, 'june', '2031-06-12T12:00:00Z');
    expect(await recorded(tenantId)).toEqual(['april', 'may', 'may again', 'june']);

    // May ends on the 1st of June; 90 days later is the 30th of August.
    expect((await maintain('2031-08-29')).filter((done) => done.includes('until'))).toEqual([]);
    expect(await maintain('2031-08-31')).toEqual(['dropped tool_until_2031_05']);
    expect(await recorded(tenantId)).toEqual(['june']);
    await maintain('2031-10-01');
    expect(await recorded(tenantId)).toEqual([]);
  });

  it('of a clock that was far ahead is in nobody’s way', async () => {
    const tenantId = await ledger.tenant();
    await record(tenantId, 'far', '2071-04-10T12:00:00Z');
    expect(await maintain('2031-01-15')).toContain('created tool_2031_01');
    // What is left in the default partition with it stays there, and the others go on.
    await record(tenantId, 'now', '2031-04-10T12:00:00Z');
    expect((await maintain('2031-04-15')).filter((done) => done.includes('tool'))).toEqual([
      'created tool_2031_05',
      'left in the default partition: tool_until_2031_04',
    ]);
    expect(await recorded(tenantId)).toEqual(['now', 'far']);
  });

  it('is written while somebody reads it for long and its partitions are due: they are dropped another time', async () => {
    const tenantId = await ledger.tenant();
    await maintain('2031-01-15');
    const reader = await retention.connect();
    try {
      await reader.query('BEGIN');
      // As a backup does.
      await reader.query('LOCK TABLE activity IN ACCESS SHARE MODE');
      const maintained = maintain('2031-06-15');
      // Longer than maintenance waits, and shorter than any other statement does.
      await ledger.database.asTenant(tenantId, async (tx) => {
        await sql`SET LOCAL lock_timeout = '3s'`.execute(tx);
        await tx
          .insertInto('activity')
          .values({ tenant_id: tenantId, retention_class: 'tool', what: 'x', at: '2031-02-01T00:00:00Z' })
          .execute();
      });
      const done = (await maintained).filter((line) => /^(waiting|dropped)/.test(line));
      expect(done).toEqual([expect.stringMatching(/^waiting /)]);
      await reader.query('COMMIT');
    } finally {
      reader.release();
    }
    expect(await maintain('2031-06-15')).toContain('dropped tool_2031_01');
    expect(await maintain('2031-06-15')).toEqual([]);
  });
});
