import { createHmac, randomUUID } from 'node:crypto';
import { DeliveryPump, receiversBehind } from '@grantkeeper/deliveries';
import { Database } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import { Logger } from '@nestjs/common';
import { jest } from '@jest/globals';
import { actor, atOnce, DeliveryWorld } from '../support/delivery-world.ts';
import { DocumentServer } from '../support/document-server.ts';
import { type ReceivedRequest, ReceivingServer } from '../support/receiving-server.ts';
import { until } from '../support/until.ts';

let world: DeliveryWorld;
let server: ReceivingServer;
const logged: string[] = [];

beforeAll(async () => {
  Logger.overrideLogger({
    log: (message: unknown) => logged.push(JSON.stringify(message)),
    warn: (message: unknown) => logged.push(JSON.stringify(message)),
    error: (message: unknown) => logged.push(JSON.stringify(message)),
  });
  world = await DeliveryWorld.open();
  server = await ReceivingServer.start();
});

afterAll(async () => {
  await server?.stop();
  await world?.close();
});

let path: string;
let hook: string;
beforeEach(() => {
  path = `/${randomUUID()}`;
  hook = server.origin + path;
});

const address = (tenant: TenantId, id: string) => ({ tenant, kind: 'webhook' as const, id });
const ids = (requests: readonly ReceivedRequest[]): string[] =>
  requests.map(({ headers }) => String(headers['webhook-id']));
const idsOf = (tenant: TenantId, seqs: readonly number[]): string[] => seqs.map((seq) => `${tenant}-1-${seq}`);

function signature(secret: string, { headers, body }: ReceivedRequest): string {
  const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
  return `v1,${createHmac('sha256', Buffer.from(secret.slice('whsec_'.length), 'base64'))
    .update(signed)
    .digest('base64')}`;
}

describe('a webhook', () => {
  test('is told of what it wants, in the order of the ledger, signed, from its creation on', async () => {
    const tenant = await world.tenant();
    await world.revoke(tenant);
    const { webhookId, secret } = await world.webhook(tenant, hook);
    const seqs = await world.revoke(tenant, 3);
    expect(await world.pump().run(address(tenant, webhookId))).toBe('caught-up');

    const got = server.at(path);
    expect(ids(got)).toEqual(idsOf(tenant, seqs));
    const [first] = got;
    expect(first!.headers['content-type']).toBe('application/json');
    expect(first!.headers['webhook-signature']).toBe(signature(secret, first!));
    expect(JSON.parse(first!.body)).toEqual({
      type: 'user.revoked',
      timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
      data: { tenant, epoch: 1, seq: seqs[0], userId: expect.any(String), because: 'admin' },
    });
    expect(await world.cursorOf(webhookId)).toMatchObject({ through: seqs[2], attempts: 0, last_error: null });
    expect(await world.log(webhookId)).toEqual(
      seqs.map((seq) => expect.objectContaining({ seq, attempt: 1, outcome: 'accepted', status: 204, excerpt: null })),
    );
  });

  test('that wants every type is told of new kinds of events too', async () => {
    const tenant = await world.tenant();
    const { webhookId } = await world.webhook(tenant, hook, null);
    await world.revoke(tenant);
    await world.pump().run(address(tenant, webhookId));
    expect(server.at(path).map(({ body }) => JSON.parse(body).type)).toEqual(['user.created', 'user.revoked']);
  });

  test('gets the same message again, with the same id, before any other', async () => {
    const tenant = await world.tenant();
    const { webhookId } = await world.webhook(tenant, hook);
    const [one, two] = await world.revoke(tenant, 2);
    server.answer(path, (nth) => ({ status: [500, 503, 204, 204][nth - 1]!, body: 'Please\u0000 wait' }));
    const pump = world.pump(atOnce);
    expect(await pump.run(address(tenant, webhookId))).toBe('waiting');
    expect(await world.cursorOf(webhookId)).toMatchObject({ attempts: 1, last_error: 'http.500' });
    expect(await pump.run(address(tenant, webhookId))).toBe('waiting');
    expect(await pump.run(address(tenant, webhookId))).toBe('caught-up');
    expect(ids(server.at(path))).toEqual(idsOf(tenant, [one!, one!, one!, two!]));
    expect(await world.log(webhookId)).toMatchObject([
      { seq: one, attempt: 1, outcome: 'failed', status: 500, reason: 'http.500', excerpt: 'Please wait' },
      { seq: one, attempt: 2, outcome: 'failed', status: 503 },
      { seq: one, attempt: 3, outcome: 'accepted', status: 204 },
      { seq: two, attempt: 1, outcome: 'accepted' },
    ]);
    expect(await world.cursorOf(webhookId)).toMatchObject({ attempts: 0, failing_since_at: null });
  });

  test('is given up on for one message after the attempts of the policy, and told of the next', async () => {
    const tenant = await world.tenant({ deliveryAttempts: 2 });
    const { webhookId } = await world.webhook(tenant, hook);
    const [one, two] = await world.revoke(tenant, 2);
    server.answer(path, (nth) => ({ status: nth <= 2 ? 500 : 204 }));
    const pump = world.pump();
    expect(await pump.run(address(tenant, webhookId))).toBe('waiting');
    // It waits as the policy of waits says.
    expect(await pump.run(address(tenant, webhookId))).toBe('waiting');
    expect(server.at(path)).toHaveLength(1);
    await world.admin.query('UPDATE receiver_cursors SET retry_at = now() WHERE receiver_id = $1', [webhookId]);
    expect(await pump.run(address(tenant, webhookId))).toBe('caught-up');
    expect(ids(server.at(path))).toEqual(idsOf(tenant, [one!, one!, two!]));
    const { rows } = await world.admin.query(
      'SELECT consumer, seq::int, event_type, reason, attempts FROM dead_letters WHERE tenant_id = $1',
      [tenant],
    );
    expect(rows).toEqual([
      { consumer: `webhook-${webhookId}`, seq: one, event_type: 'user.revoked', reason: 'http.500', attempts: 2 },
    ]);
  });

  test('that is busy is left alone for as long as it asks', async () => {
    const tenant = await world.tenant();
    const { webhookId } = await world.webhook(tenant, hook);
    await world.revoke(tenant);
    server.answer(path, () => ({ status: 429, headers: { 'retry-after': '3600' } }));
    const pump = world.pump(atOnce);
    expect(await pump.run(address(tenant, webhookId))).toBe('waiting');
    expect(await pump.run(address(tenant, webhookId))).toBe('waiting');
    expect(server.at(path)).toHaveLength(1);
    const { retry_at: retryAt } = await world.cursorOf(webhookId);
    expect((retryAt as Date).getTime()).toBeGreaterThan(Date.now() + 3_500_000);
  });

  test('that says it is gone is disabled at once, which its admin and other webhooks see', async () => {
    const tenant = await world.tenant();
    const { webhookId } = await world.webhook(tenant, hook);
    const other = await world.webhook(tenant, `${server.origin}/other${path}`, ['webhook.disabled']);
    const [seq] = await world.revoke(tenant);
    server.answer(path, () => ({ status: 410 }));
    const pump = world.pump(atOnce);
    expect(await pump.run(address(tenant, webhookId))).toBe('gone');
    expect(await pump.run(address(tenant, webhookId))).toBe('gone');
    expect(server.at(path)).toHaveLength(1);
    await pump.run(address(tenant, other.webhookId));
    expect(server.at(`/other${path}`).map(({ body }) => JSON.parse(body).data)).toMatchObject([
      { webhookId, because: 'gone' },
    ]);

    // Enabled again, it is told what it has missed.
    server.answer(path, () => ({ status: 204 }));
    await world.webhooks.change(tenant, webhookId, { settings: {}, enabled: true }, { actor });
    expect(await pump.run(address(tenant, webhookId))).toBe('caught-up');
    expect(ids(server.at(path))).toEqual(idsOf(tenant, [seq!, seq!]));
  });

  test('that takes nothing for the days of the policy is disabled, and not before', async () => {
    const tenant = await world.tenant({ deliveryGiveUpDays: 2 });
    const { webhookId } = await world.webhook(tenant, hook);
    await world.revoke(tenant);
    server.answer(path, () => ({ status: 500 }));
    const pump = world.pump();
    const failingFor = (days: number) =>
      world.admin.query(
        'UPDATE receiver_cursors SET retry_at = now(), failing_since_at = now() - make_interval(hours => $2) WHERE receiver_id = $1',
        [webhookId, days * 24],
      );
    await pump.run(address(tenant, webhookId));
    await failingFor(1);
    expect(await pump.run(address(tenant, webhookId))).toBe('waiting');
    await failingFor(3);
    expect(await pump.run(address(tenant, webhookId))).toBe('gone');
    const { rows } = await world.admin.query('SELECT disabled_because FROM webhooks WHERE webhook_id = $1', [
      webhookId,
    ]);
    expect(rows).toEqual([{ disabled_because: 'failing' }]);
  });

  test('is not reached at addresses inside, and not followed to another', async () => {
    const tenant = await world.tenant();
    const redirected = await world.webhook(tenant, hook);
    const inside = await world.webhook(tenant, 'https://169.254.169.254/latest');
    await world.revoke(tenant);
    server.answer(path, () => ({ status: 302, headers: { location: `${server.origin}/elsewhere` } }));
    const pump = world.pump(atOnce);
    await pump.run(address(tenant, redirected.webhookId));
    await pump.run(address(tenant, inside.webhookId));
    expect((await world.cursorOf(redirected.webhookId))['last_error']).toBe('outbound.redirect_refused');
    expect((await world.cursorOf(inside.webhookId))['last_error']).toBe('outbound.address_refused');
    expect(server.at('/elsewhere')).toEqual([]);
  });

  test('is told over TLS only where its certificate is trusted', async () => {
    const secure = await DocumentServer.start();
    try {
      const url = secure.put('/told', (_request, response) => response.writeHead(204).end());
      const tenant = await world.tenant();
      const { webhookId } = await world.webhook(tenant, url);
      await world.revoke(tenant);
      const pump = world.pump(atOnce);
      expect(await pump.run(address(tenant, webhookId))).toBe('waiting');
      expect((await world.cursorOf(webhookId))['last_error']).toBe('outbound.tls_failed');
      expect(secure.count('/told')).toBe(0);
      const distrust = secure.trusted();
      try {
        expect(await pump.run(address(tenant, webhookId))).toBe('caught-up');
        expect(secure.count('/told')).toBe(1);
      } finally {
        distrust();
      }
    } finally {
      await secure.stop();
    }
  });

  test('gets signatures under both secrets while one replaces the other, and then under the new one alone', async () => {
    const tenant = await world.tenant();
    const { webhookId, secret } = await world.webhook(tenant, hook);
    const rotated = await world.webhooks.rotateSecret(tenant, webhookId, 3600, { actor });
    await world.revoke(tenant);
    await world.pump().run(address(tenant, webhookId));
    const [both] = server.at(path);
    expect(both!.headers['webhook-signature']).toBe(`${signature(rotated.secret!, both!)} ${signature(secret, both!)}`);

    await world.webhooks.rotateSecret(tenant, webhookId, 0, { actor });
    await world.revoke(tenant);
    await world.pump().run(address(tenant, webhookId));
    const last = server.at(path).at(-1)!;
    expect(String(last.headers['webhook-signature']).split(' ')).toHaveLength(1);
    expect(last.headers['webhook-signature']).not.toBe(signature(rotated.secret!, last));
  });
});

describe('receivers beside each other', () => {
  test('one that hangs delays neither another of its tenant nor one of another tenant', async () => {
    const [tenant, elsewhere] = [await world.tenant(), await world.tenant()];
    const hanging = await world.webhook(tenant, `${hook}/hangs`);
    const prompt = await world.webhook(tenant, `${hook}/prompt`);
    const third = await world.webhook(elsewhere, `${hook}/third`);
    const seqs = await world.revoke(tenant, 3);
    await world.revoke(elsewhere);
    server.answer(`${path}/hangs`, () => ({ never: true }));
    const pump = world.pump(atOnce);
    const waiting = pump.run(address(tenant, hanging.webhookId));
    await until(() => server.at(`${path}/hangs`).length === 1);
    expect(await pump.run(address(tenant, prompt.webhookId))).toBe('caught-up');
    expect(await pump.run(address(elsewhere, third.webhookId))).toBe('caught-up');
    expect(ids(server.at(`${path}/prompt`))).toEqual(idsOf(tenant, seqs));
    // Nobody holds a connection to the database for it.
    const { rows } = await world.admin.query(
      `SELECT count(*)::int AS open FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'`,
    );
    expect(rows).toEqual([{ open: 0 }]);
    expect(await waiting).toBe('waiting');
    expect(await world.cursorOf(hanging.webhookId)).toMatchObject({ last_error: 'outbound.timeout', slow: true });
    const behind = await receiversBehind(world.database, pump.outlets, tenant);
    expect(behind.map(({ id, slow }) => [id, slow])).toEqual([[hanging.webhookId, true]]);
  });

  test('one that turns out slow gives up its place', async () => {
    const tenant = await world.tenant();
    const { webhookId } = await world.webhook(tenant, hook);
    await world.revoke(tenant, 2);
    server.answer(path, () => ({ afterMs: 2_200 }));
    expect(await world.pump().run(address(tenant, webhookId))).toBe('slow');
    expect(server.at(path)).toHaveLength(1);
    expect(await world.pump().run(address(tenant, webhookId), { maySlow: true })).toBe('caught-up');
    expect(server.at(path)).toHaveLength(2);
  });

  test('many pumps at once tell each of every event once', async () => {
    const tenant = await world.tenant();
    const { webhookId } = await world.webhook(tenant, hook);
    const seqs = await world.revoke(tenant, 10);
    const databases = [0, 1].map(() => new Database({ url: world.url, max: 4, onError: () => undefined }));
    const pumps = databases.flatMap((each) => [1, 2].map(() => new DeliveryPump(each, [world.outlet()])));
    await Promise.all(pumps.map((pump) => pump.run(address(tenant, webhookId))));
    await until(async () => (await world.cursorOf(webhookId))['through'] === seqs.at(-1));
    expect(ids(server.at(path))).toEqual(idsOf(tenant, seqs));
    await Promise.all(databases.map((each) => each.close()));
  });

  test('of two tenants hear nothing of each other', async () => {
    const [mine, theirs] = [await world.tenant(), await world.tenant()];
    const one = await world.webhook(mine, `${hook}/mine`, null);
    const other = await world.webhook(theirs, `${hook}/theirs`, null);
    await world.revoke(mine);
    await world.revoke(theirs);
    const pump = world.pump();
    // Also not where somebody mixes them up.
    expect(await pump.run(address(theirs, one.webhookId))).toBe('busy');
    await pump.run(address(mine, one.webhookId));
    await pump.run(address(theirs, other.webhookId));
    for (const [side, tenant] of [
      ['mine', mine],
      ['theirs', theirs],
    ] as const) {
      const told = server.at(`${path}/${side}`).map(({ body }) => JSON.parse(body).data.tenant as string);
      expect(told.length).toBeGreaterThan(0);
      expect(new Set(told)).toEqual(new Set([tenant]));
    }
  });
});

describe('what is lost', () => {
  test('a worker that dies between sending and moving on: sent twice with the same id, never left out', async () => {
    const tenant = await world.tenant();
    const { webhookId } = await world.webhook(tenant, hook);
    const [one, two] = await world.revoke(tenant, 2);
    const dying = new Database({ url: world.url, max: 2, onError: () => undefined });
    // Its connections end while the first message is under way.
    server.answer(path, () => ({ afterMs: 300 }));
    const pump = new DeliveryPump(dying, [world.outlet()], atOnce);
    const running = pump.run(address(tenant, webhookId));
    const failure = running.then(
      () => undefined,
      (error: unknown) => error,
    );
    await until(() => server.at(path).length === 1);
    await dying.close();
    expect(await failure).toBeInstanceOf(Error);
    // Until its lease lapses nobody else tells the receiver anything.
    expect(await world.pump().run(address(tenant, webhookId))).toBe('busy');
    await world.admin.query('UPDATE receiver_cursors SET lease_until = now() WHERE receiver_id = $1', [webhookId]);
    expect(await world.pump().run(address(tenant, webhookId))).toBe('caught-up');
    expect(ids(server.at(path))).toEqual(idsOf(tenant, [one!, one!, two!]));
  });

  test('one message is sent again beside what waits, and a dead letter of it is resolved by that', async () => {
    const tenant = await world.tenant({ deliveryAttempts: 1 });
    const { webhookId } = await world.webhook(tenant, hook);
    const [one] = await world.revoke(tenant);
    server.answer(path, (nth) => ({ status: nth === 1 ? 500 : 204 }));
    await world.pump().run(address(tenant, webhookId));
    const again = () =>
      world.database.asTenant(tenant, (tx) =>
        tx
          .insertInto('redeliveries')
          .values({
            tenant_id: tenant,
            receiver_kind: 'webhook',
            receiver_id: webhookId,
            seq: one!,
            requested_by: '{}',
          })
          .execute(),
      );
    await again();
    expect(await receiversBehind(world.database, world.pump().outlets, tenant)).toHaveLength(1);
    expect(await world.pump().run(address(tenant, webhookId))).toBe('caught-up');
    expect(ids(server.at(path))).toEqual(idsOf(tenant, [one!, one!]));
    expect((await world.log(webhookId)).at(-1)).toMatchObject({ seq: one, outcome: 'accepted', again: true });
    const { rows } = await world.admin.query('SELECT resolved_at FROM dead_letters WHERE tenant_id = $1', [tenant]);
    expect(rows).toEqual([{ resolved_at: expect.any(Date) }]);
    expect(await receiversBehind(world.database, world.pump().outlets, tenant)).toEqual([]);
  });

  test('a cursor stands before an event that this release does not know', async () => {
    const tenant = await world.tenant();
    const { webhookId } = await world.webhook(tenant, hook);
    const [one] = await world.revoke(tenant);
    await world.database.call('append', tenant, {
      streams: [],
      facts: [],
      commands: [],
      events: [
        {
          eventId: randomUUID(),
          streamType: 'user',
          streamId: randomUUID(),
          streamVersion: 1,
          type: 'SomethingOfTheFuture',
          schemaVersion: 1,
          payload: {},
          personal: {},
          actor,
          correlationId: randomUUID(),
          causationId: null,
        },
      ],
    });
    await world.revoke(tenant);
    expect(await world.pump().run(address(tenant, webhookId))).toBe('waiting');
    expect(ids(server.at(path))).toEqual(idsOf(tenant, [one!]));
    expect(await world.cursorOf(webhookId)).toMatchObject({ through: one, last_error: 'event.unknown' });
  });
});

test('no secret, URL or body of a message is in any log, and no secret is stored in the clear', async () => {
  const tenant = await world.tenant();
  const { webhookId, secret } = await world.webhook(tenant, `${hook}?token=of-its-owner`);
  await world.revoke(tenant);
  await world.pump(atOnce).run(address(tenant, webhookId));
  server.answer(`${path}?token=of-its-owner`, () => ({ status: 500 }));
  await world.revoke(tenant);
  await world.pump(atOnce).run(address(tenant, webhookId));
  const { rows } = await world.admin.query<{ text: string }>(
    `SELECT coalesce(string_agg(t::text, ' '), '') AS text FROM (
       SELECT to_jsonb(e) AS t FROM events e WHERE tenant_id = $1 UNION ALL
       SELECT to_jsonb(s) FROM webhook_secrets s WHERE tenant_id = $1 UNION ALL
       SELECT to_jsonb(d) FROM deliveries d WHERE tenant_id = $1) t`,
    [tenant],
  );
  expect(rows[0]!.text).not.toContain(secret.slice('whsec_'.length));
  const log = logged.join('\n');
  expect(log).toContain(webhookId);
  for (const hidden of [secret, secret.slice('whsec_'.length), 'of-its-owner', 'user_id', 'because'])
    expect(log.replaceAll('"because":"', '')).not.toContain(hidden);
});

jest.setTimeout(60_000);
