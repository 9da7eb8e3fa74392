import { setTimeout as sleep } from 'node:timers/promises';
import { openPool } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { createSeen, Followers, inward, outward, settle } from '../long/model/recording-consumers.ts';
import { openLedger, type TestLedger } from '../support/ledger.ts';

jest.setTimeout(60_000);

const TENANTS = 5;
const WRITERS = 16;
const TRANSACTIONS = 25;

let ledger: TestLedger;
let owner: pg.Pool;
let writers: pg.Pool;
beforeAll(async () => {
  ledger = await openLedger();
  await createSeen(ledger.url);
  owner = new pg.Pool({ connectionString: ledger.url, max: 2 });
  writers = openPool(ledger.url, 'service', { max: WRITERS });
  // What a single table for all tenants would be: numbered by a sequence, in the order of inserts.
  await owner.query(
    'CREATE TABLE naive_log (nr bigserial PRIMARY KEY, what text NOT NULL); GRANT ALL ON naive_log TO grantkeeper_service; GRANT USAGE ON SEQUENCE naive_log_nr_seq TO grantkeeper_service',
  );
});
afterAll(async () => {
  await writers.end();
  await owner.end();
  await ledger.close();
});

/** Reads what is after the last number that it has seen, as one would. */
class NaiveCursor {
  readonly seen: string[] = [];
  #last = 0;

  async read(): Promise<void> {
    const { rows } = await owner.query<{ nr: number; what: string }>(
      'SELECT nr, what FROM naive_log WHERE nr > $1 ORDER BY nr',
      [this.#last],
    );
    for (const { nr, what } of rows) {
      this.#last = nr;
      this.seen.push(what);
    }
  }
}

function input(...ids: string[]): string {
  return JSON.stringify({
    streams: ids.map((id) => ({ type: 'user', id, version: 0 })),
    facts: [],
    events: ids.map((id) => ({
      eventId: id,
      streamType: 'user',
      streamId: id,
      streamVersion: 1,
      type: 'UserCreated',
      schemaVersion: 1,
      payload: { userId: id, sub: id, role: 'member' },
      actor: { kind: 'system', id: 'tailing' },
      correlationId: id,
    })),
  });
}

describe('a cursor over a global sequence', () => {
  it('skips what was numbered before and committed after what it has read', async () => {
    const cursor = new NaiveCursor();
    const [slow, fast] = [await writers.connect(), await writers.connect()];
    await slow.query('BEGIN');
    await slow.query(`INSERT INTO naive_log (what) VALUES ('slow')`);
    await fast.query(`INSERT INTO naive_log (what) VALUES ('fast')`);
    await cursor.read();
    await slow.query('COMMIT');
    await cursor.read();
    slow.release();
    fast.release();
    expect(cursor.seen).toEqual(['fast']);
    expect((await owner.query('SELECT what FROM naive_log ORDER BY nr')).rows).toEqual([
      { what: 'slow' },
      { what: 'fast' },
    ]);
    await owner.query('TRUNCATE naive_log');
  });
});

describe('consumers while 16 writers with long and rolled-back transactions append', () => {
  it('skip no event, where the naive cursor does', async () => {
    const tenants: TenantId[] = [];
    for (let made = 0; made < TENANTS; made += 1) tenants.push(await ledger.tenant());
    const told = new Map<TenantId, number[]>(tenants.map((tenant) => [tenant, []]));
    const consumers = [inward, outward((tenant, seq) => told.get(tenant)?.push(seq))];
    const followers = new Followers([ledger.database, ledger.database, ledger.database], consumers, tenants);
    const naive = new NaiveCursor();
    const written = new AbortController();
    const naiveLoop = (async () => {
      while (!written.signal.aborted) {
        await naive.read();
        await sleep(3);
      }
    })();

    const committed: string[] = [];
    const write = async (writer: number): Promise<void> => {
      const client = await writers.connect();
      for (let done = 0; done < TRANSACTIONS; done += 1) {
        const ids = [uuidv7(), uuidv7()];
        await client.query('BEGIN');
        // Numbered early, as a sequence does, and committed late, as long transactions do.
        for (const id of ids) await client.query('INSERT INTO naive_log (what) VALUES ($1)', [id]);
        await client.query('SELECT pg_sleep($1)', [Math.random() * 0.02]);
        await client.query('SELECT append($1, $2)', [tenants[writer % TENANTS], input(...ids)]);
        await client.query('SELECT pg_sleep($1)', [Math.random() * 0.01]);
        if (Math.random() < 0.2) {
          await client.query('ROLLBACK');
        } else {
          await client.query('COMMIT');
          committed.push(...ids);
        }
      }
      client.release();
    };
    await Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)));
    written.abort();
    await naiveLoop;
    await naive.read();
    await followers.stop();
    await settle(ledger.database, consumers, tenants);

    // The naive reader has come to rest, and some of what was committed never came by.
    const skipped = committed.filter((id) => !naive.seen.includes(id));
    expect(skipped.length).toBeGreaterThan(0);

    const seen = await owner.query<{ tenant_id: TenantId; seq: number; event_id: string }>(
      'SELECT tenant_id, seq, event_id FROM seen ORDER BY nr',
    );
    for (const tenant of tenants) {
      const { rows: events } = await owner.query<{ seq: number; event_id: string }>(
        'SELECT seq, event_id FROM events WHERE tenant_id = $1 ORDER BY seq',
        [tenant],
      );
      expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
      expect(
        seen.rows.filter((row) => row.tenant_id === tenant).map(({ seq, event_id }) => ({ seq, event_id })),
      ).toEqual(events);
      expect([...new Set(told.get(tenant))]).toEqual(events.map(({ seq }) => seq));
    }
    const ids = new Set(seen.rows.map(({ event_id }) => event_id));
    expect(committed.filter((id) => !ids.has(id))).toEqual([]);
  });
});
