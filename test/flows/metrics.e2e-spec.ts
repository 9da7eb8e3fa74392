import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { type RunningProduct, startProduct } from '../support/product.ts';

let product: RunningProduct;
beforeAll(async () => {
  product = await startProduct();
});
afterAll(async () => product?.stop());

async function metrics(): Promise<Map<string, number>> {
  const text = await fetch(`${product.summary.adminUrl}/metrics`).then((answer) => answer.text());
  return new Map(
    text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  );
}

/** Reads metrics until they say so. */
async function until(says: (read: Map<string, number>) => boolean): Promise<Map<string, number>> {
  for (;;) {
    const read = await metrics();
    if (says(read)) return read;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

describe('what operators see of the ledgers', () => {
  it('is how much is appended, how far its readers are behind, and whether it is whole', async () => {
    const appended = (await metrics()).get('grantkeeper_events_appended_total') ?? 0;
    const { status } = await product.admin('POST', '/tenants/acme/users', { email: 'grace@acme.example' });
    expect(status).toBe(201);
    expect((await metrics()).get('grantkeeper_events_appended_total')).toBeGreaterThan(appended);
    const followers = [
      'session-ender',
      'row-history.1',
      'signals',
      'grant-timeline',
      'client-statistics',
      'admin-search',
    ];
    const read = await until((now) =>
      followers.every((consumer) => now.get(`grantkeeper_consumer_lag_events{consumer="${consumer}"}`) === 0),
    );
    for (const consumer of followers) {
      for (const name of ['lag_seconds', 'tenants_behind', 'tenants_failing'])
        expect(read.get(`grantkeeper_consumer_${name}{consumer="${consumer}"}`)).toBe(0);
    }
    for (const name of [
      'receivers',
      'receivers_behind',
      'receivers_failing',
      'receiver_lag_events',
      'receiver_failing_seconds',
    ])
      expect([name, read.get(`grantkeeper_${name}{kind="webhook"}`)]).toEqual([name, 0]);
    expect(read.get('grantkeeper_delivery_dead_letters_open{kind="webhook"}')).toBe(0);
    for (const doing of ['revoke', 'suspend', 'undo'])
      for (const name of ['cuts_under_way', 'cut_links_left', 'cut_oldest_seconds'])
        expect(read.get(`grantkeeper_${name}{doing="${doing}"}`)).toBe(0);
    expect(read.get('grantkeeper_ledgers_diverged')).toBe(0);
    expect(read.has('grantkeeper_ledger_verification_age_seconds')).toBe(true);
    expect(read.has('grantkeeper_ledgers_unverified')).toBe(true);
    expect(read.get('grantkeeper_activity_waiting')).toBe(0);
    // Alarms on what must never happen have a number from the beginning.
    for (const consumer of ['session-ender', 'grant-timeline'])
      for (const name of ['unknown_events', 'gaps', 'blocked'])
        expect(read.get(`grantkeeper_consumer_${name}_total{consumer="${consumer}"}`)).toBe(0);
    for (const kind of ['webhook', 'signals'])
      for (const name of ['delivery_stopped', 'receivers_disabled'])
        expect(read.get(`grantkeeper_${name}_total{kind="${kind}"}`)).toBe(0);
    expect(read.get('grantkeeper_append_retries_total{reason="overtaken"}')).toBeDefined();
    expect(read.get('grantkeeper_dead_letters_open{consumer="session-ender"}')).toBe(0);
    for (const retention of ['standard', 'tool'])
      expect(read.get(`grantkeeper_activity_unsorted_bytes{class="${retention}"}`)).toBe(0);
  });

  it('is how often a decision was made again, because somebody else was first', async () => {
    const retried = (read: Map<string, number>) => read.get('grantkeeper_append_retries_total{reason="serialization"}');
    for (let round = 0; retried(await metrics()) === 0; round += 1) {
      // Copies of a command that meet: one is first, and the others look again.
      const headers = { 'idempotency-key': `round-${round}` };
      const copy = () => product.admin('POST', '/tenants/acme/enforcement-points', { name: 'API' }, headers);
      const answers = await Promise.all(Array.from({ length: 8 }, copy));
      expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 201));
    }
    expect(retried(await metrics())).toBeGreaterThan(0);
  });

  it('is how old the feed is at this node, and how full the queue that wakes it', async () => {
    await until((now) => now.get('grantkeeper_feed_age_seconds')! >= 0);
    // Somebody who listens and does not take what came keeps it in the queue.
    const [stuck, busy] = [new pg.Client(product.databaseUrl), new pg.Client(product.databaseUrl)];
    try {
      await Promise.all([stuck.connect(), busy.connect()]);
      await stuck.query('LISTEN noise');
      await stuck.query('BEGIN');
      await busy.query(`SELECT pg_notify('noise', repeat('x', 7000) || n) FROM generate_series(1, 2000) n`);
      const read = await until((now) => now.get('grantkeeper_notification_queue_usage')! > 0);
      expect(read.get('grantkeeper_notification_queue_usage')).toBeLessThan(1);
    } finally {
      await Promise.all([stuck.end(), busy.end()]);
    }
  });

  it('is told beside readiness: how far each projection is behind', async () => {
    const answer = await fetch(`${product.summary.adminUrl}/health/ready`);
    expect(answer.status).toBe(200);
    const body = (await answer.json()) as { projections: Record<string, { secondsBehind: number }> };
    expect(Object.keys(body.projections).sort()).toEqual(['admin-search', 'client-statistics', 'grant-timeline']);
    for (const { secondsBehind } of Object.values(body.projections)) expect(secondsBehind).toBeGreaterThanOrEqual(0);
  });
});
