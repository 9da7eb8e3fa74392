import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConsumerRunner, type EventConsumer } from '@grantkeeper/consumers';
import { defaultPolicy, eventCatalogue, policySet, resourceAdded, userAccessRevoked } from '@grantkeeper/domain';
import { Database, EventStore, verifyLedger } from '@grantkeeper/event-store';
import { LocalKeyProvider, MasterSecrets, PersonalData, TenantKeys } from '@grantkeeper/keys';
import type { TenantId } from '@grantkeeper/kernel';
import { inlineProjections } from '@grantkeeper/read-models';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../db/embedded-postgres.ts';
import { migrateToLatest } from '../../db/migrate.ts';
import { FaultyProxy } from '../chaos/support/faulty-proxy.ts';
import { actor, openLedger, type TestLedger } from '../support/ledger.ts';

const logged: unknown[] = [];
const keep = (message: unknown): void => void logged.push(message);
Logger.overrideLogger({ log: keep, warn: keep, error: keep });

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await openLedger();
});
afterAll(async () => ledger.close());

async function headOf(tenantId: TenantId, { database }: { database: Database } = ledger): Promise<number> {
  const [row] = await database.relay<{ seq: number }>('SELECT seq FROM heads WHERE tenant_id = $1', [tenantId]);
  return row?.seq ?? 0;
}

async function addPerson(tenantId: TenantId): Promise<number> {
  const { events, rows } = await ledger.person(tenantId);
  return (await ledger.store.append({ tenantId, actor, events, rows })).last;
}

async function expectWhole(tenantId: TenantId, database: Database = ledger.database): Promise<void> {
  expect(await verifyLedger(database, inlineProjections, tenantId)).toMatchObject({ ok: true, differences: [] });
}

async function asOwner<Row extends pg.QueryResultRow>(statement: string, values: unknown[] = []): Promise<Row[]> {
  const owner = new pg.Client({ connectionString: ledger.url });
  await owner.connect();
  try {
    return (await owner.query<Row>(statement, values)).rows;
  } finally {
    await owner.end();
  }
}

/** A consumer of everything that keeps what it was given. */
function keeping(seen: number[], fails: () => boolean = () => false): EventConsumer {
  return {
    name: `keeping-${uuidv7()}`,
    effects: 'inward',
    onFailure: 'park',
    handles: new Set(eventCatalogue.map(({ type }) => type)),
    apply: async ({ seq }) => {
      if (fails()) throw new Error('not now');
      seen.push(seq);
    },
  };
}

async function cursorOf(tenantId: TenantId, { name }: EventConsumer) {
  const [row] = await asOwner<{ seq: number; attempts: number; last_error: string | null }>(
    'SELECT seq::int, attempts, last_error FROM consumer_cursors WHERE tenant_id = $1 AND consumer = $2',
    [tenantId, name],
  );
  return row;
}

describe('an event that this release does not know', () => {
  it.each([
    ['of another type', { type: 'TenantTeleported', version: 1 }],
    ['of a later version', { type: 'PolicySet', version: 99 }],
  ])('%s stops a consumer, which says so and gives up nothing', async (_name, { type, version }) => {
    const tenantId = await ledger.tenant();
    // As a newer release would have recorded it.
    await ledger.database.call('append', tenantId, {
      streams: [],
      events: [
        {
          eventId: uuidv7(),
          streamType: 'future',
          streamId: 'x',
          streamVersion: 1,
          type,
          schemaVersion: version,
          payload: { settings: defaultPolicy },
          personal: {},
          actor,
          correlationId: uuidv7(),
        },
      ],
    });
    await addPerson(tenantId);
    const seen: number[] = [];
    const consumer = keeping(seen);
    const runner = new ConsumerRunner(ledger.database, [consumer], { retries: { maxAttempts: 1, delayMs: () => 0 } });
    for (let tries = 0; tries < 3; tries += 1) expect(await runner.catchUp(tenantId, consumer)).toBe('failed');
    expect(seen).toEqual([1, 2]);
    expect(logged).toContainEqual(
      expect.objectContaining({
        msg: expect.stringContaining('does not know'),
        tenant: tenantId,
        seq: 3,
        type,
        schema: version,
      }),
    );
    // Parked events are passed by; this one is not, although its attempts are spent.
    expect(await cursorOf(tenantId, consumer)).toMatchObject({
      seq: 2,
      attempts: 3,
      last_error: 'event.unknown',
    });
    expect(await asOwner('SELECT 1 FROM dead_letters WHERE tenant_id = $1', [tenantId])).toEqual([]);
  });
});

describe('what must be refused', () => {
  it('a payload over the limit, before it takes a number', async () => {
    const tenantId = await ledger.tenant();
    const huge = resourceAdded.on(uuidv7(), {
      resourceId: uuidv7(),
      owner: 'tenant',
      kind: 'hosted',
      slug: 'huge',
      url: 'https://mcp.example/huge/mcp',
      displayName: 'x'.repeat(70_000),
      signingAlg: 'ES256',
      scopes: [],
      isDefault: false,
    });
    await expect(ledger.store.append({ tenantId, actor, events: [huge] })).rejects.toMatchObject({
      code: 'event.too_large',
    });
    expect(await addPerson(tenantId)).toBe(3);
    await expectWhole(tenantId);
  });

  it('a stream version that is stale, one that is ahead, and a second writer: each time nothing is left behind', async () => {
    const tenantId = await ledger.tenant();
    const set = (stream_version: number) =>
      ledger.store.append({
        tenantId,
        actor,
        events: [policySet.on(tenantId, { settings: defaultPolicy })],
        current: [
          {
            table: 'policies',
            row: { tenant_id: tenantId, settings: defaultPolicy, policy_seq: 2, stream_version },
          },
        ],
      });
    await set(1);
    for (const wrong of [1, 5])
      await expect(set(wrong)).rejects.toMatchObject({ name: 'ConcurrencyError', reason: 'stream_version' });
    const both = await Promise.allSettled([set(2), set(2)]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(await headOf(tenantId)).toBe(4);
    await expectWhole(tenantId);
  });
});

describe('a database that goes away in the middle', () => {
  it.each(['before', 'after'] as const)(
    '%s the commit fails the command cleanly; repeated, it is done once',
    async (when) => {
      const tenantId = await ledger.tenant();
      const { userId, events, rows } = await ledger.person(tenantId);
      const proxy = await FaultyProxy.open(ledger.url);
      const database = new Database({ url: proxy.through(ledger.url), onError: () => undefined });
      const store = new EventStore(database, inlineProjections, ledger.personalData);
      const command = { id: uuidv7(), fingerprint: 'f' };
      const append = () => store.append({ tenantId, actor, events, rows, command: { ...command, result: { userId } } });
      try {
        // So that there is a connection to lose.
        await store.resultOf(tenantId, command);
        proxy.fault = () => when;
        await expect(append()).rejects.toThrow(/terminated|ECONNRESET|socket/i);
        proxy.fault = () => undefined;
        const before = await store.resultOf<{ userId: string }>(tenantId, command);
        expect(before?.result).toEqual(when === 'after' ? { userId } : undefined);
        if (!before) await append();
      } finally {
        await database.close();
        await proxy.close();
      }
      expect(await headOf(tenantId)).toBe(3);
      await expectWhole(tenantId);
    },
  );
});

describe('a clock that jumps back', () => {
  it('keeps numbers, times and the order of decisions', async () => {
    const tenantId = await ledger.tenant();
    // As if everything so far had been recorded by a clock that was years ahead.
    await asOwner(`UPDATE heads SET last_recorded_at = '2100-01-01' WHERE tenant_id = $1`, [tenantId]);
    const { userId, events, rows } = await ledger.person(tenantId);
    await ledger.store.append({ tenantId, actor, events, rows });
    const [row] = await ledger.database.asTenant(tenantId, (tx) =>
      tx.selectFrom('users').selectAll().where('user_id', '=', userId).execute(),
    );
    await ledger.store.append({
      tenantId,
      actor,
      events: [userAccessRevoked.on(userId, { userId, because: 'admin' })],
      current: [{ table: 'users', row: { ...row! } }],
    });
    // Decided before the revocation: whatever the clock says, it is too late.
    await expect(
      ledger.store.append({
        tenantId,
        actor,
        read: { epoch: 1, seq: 3 },
        ...(await ledger.person(tenantId)),
      }),
    ).rejects.toMatchObject({ reason: 'overtaken' });
    const times = await asOwner<{ at: Date }>(
      'SELECT recorded_at AS at FROM events WHERE tenant_id = $1 ORDER BY seq',
      [tenantId],
    );
    expect(times.map(({ at }) => at.getTime())).toEqual(times.map(({ at }) => at.getTime()).sort((a, b) => a - b));
    await expectWhole(tenantId);
  });

  it('lets no consumer wait for a retry that was set before it', async () => {
    const tenantId = await ledger.tenant();
    const seen: number[] = [];
    let failing = true;
    const consumer = keeping(seen, () => failing);
    const runner = new ConsumerRunner(ledger.database, [consumer]);
    expect(await runner.catchUp(tenantId, consumer)).toBe('failed');
    failing = false;
    expect(await runner.catchUp(tenantId, consumer)).toBe('waiting');
    await asOwner(`UPDATE consumer_cursors SET retry_at = retry_at + interval '3 hours' WHERE consumer = $1`, [
      consumer.name,
    ]);
    expect((await runner.behind.find()).some((one) => one.tenant === tenantId)).toBe(true);
    expect(await runner.catchUp(tenantId, consumer)).toBe('caught-up');
    expect(seen).toEqual([1, 2]);
  });
});

/** A small disk of its own; null where this user may not mount one. */
async function smallDisk(): Promise<{ directory: string; remove: () => Promise<void> } | null> {
  const directory = await mkdtemp(join(tmpdir(), 'grantkeeper-disk-'));
  const removeDirectory = (): Promise<void> => rm(directory, { recursive: true, force: true });
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256m,mode=0711', 'tmpfs', directory], { stdio: 'ignore' });
  } catch {
    await removeDirectory();
    return null;
  }
  await chmod(directory, 0o711);
  return {
    directory,
    remove: async () => {
      execFileSync('umount', ['--lazy', directory]);
      await removeDirectory();
    },
  };
}

const disk = process.platform === 'linux' ? await smallDisk() : null;
const withDisk = disk ? describe : describe.skip;

withDisk(`a full disk${disk ? '' : ' (skipped: only root on Linux may mount a small one)'}`, () => {
  let server: EmbeddedPostgres;
  afterAll(async () => {
    await server?.stop();
    await disk?.remove();
  });

  it('fails commands cleanly; once there is room, they are done, and nothing is lost', async () => {
    const at = { directory: join(disk!.directory, 'postgres'), database: 'grantkeeper' };
    server = await startEmbeddedPostgres({ ...at, settings: { max_wal_size: '64MB', wal_init_zero: 'on' } });
    await migrateToLatest(server.url);
    const database = new Database({ url: server.url, onError: () => undefined });
    try {
      const tenantKeys = new TenantKeys(
        database,
        new LocalKeyProvider(new MasterSecrets([{ version: 1, key: randomBytes(32) }])),
      );
      const store = new EventStore(database, inlineProjections, new PersonalData(database, tenantKeys));
      const tenantId = uuidv7() as TenantId;
      await store.append({
        tenantId,
        actor,
        create: true,
        events: [policySet.on(tenantId, { settings: defaultPolicy })],
      });
      // Everything that is left, less a few pages that the server may still want for itself.
      const ballast = join(disk!.directory, 'ballast');
      const { bavail, bsize } = await statfs(disk!.directory);
      await writeFile(ballast, Buffer.alloc((bavail - 4) * bsize));

      const acknowledged: string[] = [];
      const append = async (id: string): Promise<void> => {
        const event = resourceAdded.on(id, {
          resourceId: id,
          owner: 'tenant',
          kind: 'hosted',
          slug: id,
          url: `https://mcp.example/${id}/mcp`,
          displayName: randomBytes(4_000).toString('hex'),
          signingAlg: 'ES256',
          scopes: [],
          isDefault: false,
        });
        await store.append({ tenantId, actor, events: [event], command: { id, fingerprint: id, result: null } });
        acknowledged.push(id);
      };
      /** Appends until one fails; its command and why. */
      const fill = async (): Promise<{ id: string; failure: unknown }> => {
        for (let tries = 0; tries < 2_000; tries += 1) {
          const id = uuidv7();
          try {
            await append(id);
          } catch (failure) {
            return { id, failure };
          }
        }
        throw new Error('The disk was not filled.');
      };
      const { id: failed, failure } = await fill();
      // 53100 is PostgreSQL's disk_full.
      expect(failure).toMatchObject({ code: '53100' });
      expect(await headOf(tenantId, { database })).toBe(1 + acknowledged.length);
      await expectWhole(tenantId, database);

      await rm(ballast);
      await append(failed);
      expect(await headOf(tenantId, { database })).toBe(1 + acknowledged.length);
      for (const id of acknowledged)
        expect(await store.resultOf(tenantId, { id, fingerprint: id })).toMatchObject({ result: null });
      await expectWhole(tenantId, database);
    } finally {
      await database.close();
    }
  });
});
