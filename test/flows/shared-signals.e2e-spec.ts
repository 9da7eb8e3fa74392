import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import pg from 'pg';
import { OAuthClient } from '../support/clients/oauth-client.ts';
import { Person } from '../support/clients/person.ts';
import {
  POLL,
  PUSH,
  type ReceivedSet,
  SignalReceiverClient,
  type StreamConfiguration,
} from '../support/clients/signal-receiver.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';
import { ReceivingServer } from '../support/receiving-server.ts';
import { until } from '../support/until.ts';

const CAEP = 'https://schemas.openid.net/secevent/caep/event-type';
const SSF = 'https://schemas.openid.net/secevent/ssf/event-type';
const GRANT_REVOKED = 'urn:grantkeeper:secevent:event-type:grant-revoked';

let product: RunningProduct;
let server: ReceivingServer;
let owner: pg.Pool;
let issuer: string;
let tenantId: string;

beforeAll(async () => {
  product = await startProduct({ OUTBOUND_ALLOW_LOOPBACK: 'true' });
  server = await ReceivingServer.start();
  owner = new pg.Pool({ connectionString: product.databaseUrl, max: 2 });
  issuer = product.summary.demo.issuer;
  tenantId = (await product.admin<{ id: string }>('GET', '/tenants/acme')).body.id;
});
afterAll(async () => {
  await owner?.end();
  await server?.stop();
  await product?.stop();
});

const admin = <Answer>(method: string, path: string, body?: unknown) =>
  product.admin<Answer>(method, `/tenants/acme${path}`, body);

let receivers = 0;
async function receiver(
  audience = `https://receiver-${++receivers}.example`,
): Promise<SignalReceiverClient & { id: string }> {
  const { status, body } = await admin<{ id: string; credential: string }>('POST', '/signal-receivers', {
    name: audience,
    audience,
  });
  expect(status).toBe(201);
  const client = await SignalReceiverClient.discover(issuer, body.credential, audience);
  return Object.assign(client, { id: body.id });
}

/** A person of the tenant with a link, and what names both. */
async function linked(email: string, scope?: string) {
  const password = 'a long enough password';
  const { body: user } = await admin<{ id: string }>('POST', '/users', { email, password });
  const client = await OAuthClient.register(issuer);
  const person = new Person(email, password);
  const tokens = await client.redeem(await client.authorize(person, scope === undefined ? {} : { scope }));
  const { grant_id: grantId } = decodeJwt(tokens.body.access_token);
  return { client, person, userId: user.id, grantId: String(grantId), clientId: client.id };
}
const revoke = (target: object) => admin('POST', '/revocations', { target, reason: 'a private remark' });

/** All that a stream that is polled holds by now, verified, and taken. */
async function taken(of: SignalReceiverClient, stream: StreamConfiguration, count: number): Promise<ReceivedSet[]> {
  const got: ReceivedSet[] = [];
  let ack: string[] = [];
  await until(async () => {
    const { sets } = await of.poll(stream, { ack });
    ack = Object.keys(sets);
    for (const token of Object.values(sets)) got.push(await of.verify(token));
    return got.length >= count;
  });
  await of.poll(stream, { ack, maxEvents: 0 });
  return got;
}
const pushedTo = async (of: SignalReceiverClient, path: string): Promise<ReceivedSet[]> =>
  Promise.all(server.at(path).map(({ body }) => of.verify(body)));
const typesOf = (sets: readonly ReceivedSet[]): string[] => sets.flatMap(({ events }) => Object.keys(events));

describe('the transmitter', () => {
  it('is found from the issuer, at both forms that receivers try', async () => {
    const { metadata } = await receiver();
    expect(metadata).toMatchObject({
      spec_version: '1_0',
      issuer,
      jwks_uri: `${issuer}/jwks`,
      delivery_methods_supported: [PUSH, POLL],
      authorization_schemes: [{ spec_urn: 'urn:ietf:rfc:6750' }],
      default_subjects: 'ALL',
      critical_subject_members: ['user', 'application', 'resource'],
    });
    const appended = await fetch(`${issuer}/.well-known/ssf-configuration`);
    expect(await appended.json()).toEqual(metadata);
    const { origin } = new URL(issuer);
    expect((await fetch(`${origin}/.well-known/ssf-configuration/t/nobody`)).status).toBe(404);
  });

  it('knows receivers by the credentials that an admin makes, and nobody else', async () => {
    const one = await receiver();
    for (const credential of ['', 'junk', product.summary.adminKey]) {
      const refused = await one.call('configuration_endpoint', 'GET', undefined, credential);
      expect(refused.status).toBe(401);
      expect(refused.headers.get('www-authenticate')).toMatch(/^Bearer realm="shared signals"/);
    }
    const rotated = await admin<{ credential: string }>('POST', `/signal-receivers/${one.id}/credentials`, {});
    expect((await one.call('configuration_endpoint', 'GET')).status).toBe(401);
    const next = await SignalReceiverClient.discover(issuer, rotated.body.credential, one.audience);
    expect((await next.call('configuration_endpoint', 'GET')).body).toEqual([]);
    const stream = await next.stream({});
    expect((await admin('DELETE', `/signal-receivers/${one.id}`)).status).toBe(204);
    expect((await next.call(stream.delivery.endpoint_url, 'POST', {})).status).toBe(401);
    expect((await admin('DELETE', `/signal-receivers/${one.id}`)).status).toBe(404);
  });

  it('holds up whoever guesses credentials of a receiver, and not the receiver elsewhere', async () => {
    const one = await receiver();
    const guess = `gkv_${Buffer.concat([
      Buffer.from(`${tenantId}${one.id}`.replaceAll('-', ''), 'hex'),
      Buffer.alloc(32),
    ]).toString('base64url')}`;
    const statuses: number[] = [];
    for (let tries = 0; tries < 70; tries += 1)
      statuses.push((await one.call('configuration_endpoint', 'GET', undefined, guess)).status);
    expect(new Set(statuses)).toEqual(new Set([401, 429]));
    const other = await receiver();
    expect((await other.call('configuration_endpoint', 'GET')).status).toBe(200);
    for (const { id } of [one, other]) await admin('DELETE', `/signal-receivers/${id}`);
  });

  it('shows no receiver the streams of another', async () => {
    const [one, other] = [await receiver(), await receiver()];
    const { stream_id: id, delivery } = await one.stream({});
    expect((await other.call('configuration_endpoint', 'GET')).body).toEqual([]);
    for (const [endpoint, method, body] of [
      [`${one.metadata['configuration_endpoint']}?stream_id=${id}`, 'GET', undefined],
      [`${one.metadata['configuration_endpoint']}?stream_id=${id}`, 'DELETE', undefined],
      ['configuration_endpoint', 'PATCH', { stream_id: id, description: 'mine now' }],
      ['configuration_endpoint', 'PUT', { stream_id: id }],
      [`${one.metadata['status_endpoint']}?stream_id=${id}`, 'GET', undefined],
      ['status_endpoint', 'POST', { stream_id: id, status: 'disabled' }],
      ['verification_endpoint', 'POST', { stream_id: id }],
      ['add_subject_endpoint', 'POST', { stream_id: id, subject: { format: 'email', email: 'x@y.example' } }],
      ['remove_subject_endpoint', 'POST', { stream_id: id, subject: { format: 'email', email: 'x@y.example' } }],
      [delivery.endpoint_url, 'POST', {}],
    ] as const) {
      expect([endpoint, (await other.call(endpoint, method, body)).status]).toEqual([endpoint, 404]);
    }
    expect((await one.call(`${one.metadata['status_endpoint']}?stream_id=${id}`, 'GET')).body).toMatchObject({
      status: 'enabled',
    });
  });
});

describe('streams', () => {
  it('are configured as SSF says', async () => {
    const one = await receiver();
    const stream = await one.stream({
      events_requested: [`${CAEP}/session-revoked`, 'urn:of:somebody:else'],
      description: 'for tests',
    });
    expect(stream).toMatchObject({
      iss: issuer,
      aud: one.audience,
      events_delivered: [`${CAEP}/session-revoked`],
      delivery: { method: POLL, endpoint_url: `${issuer}/ssf/poll/${stream.stream_id}` },
      description: 'for tests',
    });
    // Streams do not end by themselves, however long nothing is heard of their receiver.
    expect(stream).not.toHaveProperty('inactivity_timeout');
    const url = `${one.metadata['configuration_endpoint']}?stream_id=${stream.stream_id}`;
    expect((await one.call(url, 'GET')).body).toEqual(stream);
    expect((await one.call('configuration_endpoint', 'GET')).body).toEqual([stream]);

    const push = {
      method: PUSH,
      endpoint_url: `${server.origin}/configured`,
      authorization_header: 'Bearer of-theirs',
    };
    const patched = await one.call<StreamConfiguration>('configuration_endpoint', 'PATCH', {
      stream_id: stream.stream_id,
      iss: issuer,
      delivery: push,
    });
    expect(patched.body).toMatchObject({
      description: 'for tests',
      delivery: { method: PUSH, endpoint_url: push.endpoint_url },
    });
    expect(JSON.stringify(patched.body)).not.toContain('of-theirs');
    const wrong = await one.call('configuration_endpoint', 'PATCH', { stream_id: stream.stream_id, aud: 'somebody' });
    expect(wrong.status).toBe(400);
    const ending = { stream_id: stream.stream_id, inactivity_timeout: 3_600 };
    expect((await one.call('configuration_endpoint', 'PATCH', ending)).status).toBe(400);
    const replaced = await one.call('configuration_endpoint', 'PUT', { stream_id: stream.stream_id });
    expect(replaced.body).not.toHaveProperty('description');
    expect(replaced.body).not.toHaveProperty('events_requested');
    expect(replaced.body).toMatchObject({ delivery: { method: POLL } });
    expect((await one.call(url, 'DELETE')).status).toBe(204);
    expect((await one.call(url, 'GET')).status).toBe(404);
  });

  it.each([
    ['a delivery that is none', { delivery: { method: 'urn:carrier:pigeon' } }],
    ['a push to nowhere', { delivery: { method: PUSH } }],
    ['a push without TLS', { delivery: { method: PUSH, endpoint_url: 'http://receiver.example/' } }],
    [
      'a header of two lines',
      { delivery: { method: PUSH, endpoint_url: 'https://r.example/', authorization_header: 'a\nb: c' } },
    ],
  ])('are refused with %s', async (_what, configuration) => {
    const one = await receiver();
    expect((await one.call('configuration_endpoint', 'POST', configuration)).status).toBe(400);
    await admin('DELETE', `/signal-receivers/${one.id}`);
  });

  it('are five at the most', async () => {
    const one = await receiver();
    await Promise.all(Array.from({ length: 5 }, () => one.stream({})));
    expect((await one.call('configuration_endpoint', 'POST', {})).status).toBe(403);
  });
});

describe('what is told', () => {
  it('of a revoked link and a revoked person: signed, in order, with ids alone, until it is taken', async () => {
    const one = await receiver();
    const stream = await one.stream({});
    const { userId, grantId, clientId } = await linked('told@acme.example');
    await revoke({ kind: 'grant', grantId });
    await revoke({ kind: 'user', userId });

    // Not taken, it is there again.
    await until(async () => Object.keys((await one.poll(stream)).sets).length === 4);
    const first = await one.poll(stream, { maxEvents: 2 });
    expect(first.moreAvailable).toBe(true);
    expect(Object.keys(first.sets)).toHaveLength(2);
    expect(Object.keys((await one.poll(stream, { maxEvents: 2 })).sets)).toEqual(Object.keys(first.sets));

    const sets = await taken(one, stream, 4);
    expect(typesOf(sets)).toEqual([
      `${CAEP}/credential-change`,
      GRANT_REVOKED,
      `${CAEP}/session-revoked`,
      GRANT_REVOKED,
    ]);
    const [created, grant, session, links] = sets as [ReceivedSet, ReceivedSet, ReceivedSet, ReceivedSet];
    const person = { format: 'iss_sub', iss: issuer, sub: userId };
    expect(created).toMatchObject({
      sub_id: person,
      events: { [`${CAEP}/credential-change`]: { credential_type: 'password', change_type: 'create' } },
    });
    expect(grant.sub_id).toMatchObject({
      format: 'complex',
      tenant: { format: 'opaque', id: tenantId },
      user: person,
      application: { format: 'opaque', id: clientId },
      resource: { format: 'uri', uri: product.summary.demo.resource },
    });
    expect(grant.events[GRANT_REVOKED]).toMatchObject({
      grant_id: grantId,
      initiating_entity: 'admin',
      reason_admin: { en: 'admin' },
      event_timestamp: expect.any(Number),
    });
    expect(session.sub_id).toEqual(person);
    // Both are of one event of the ledger.
    expect(links.txn).toBe(session.txn);
    expect(links.jti).not.toBe(session.jti);
    expect(new Set(sets.map(({ jti }) => jti)).size).toBe(4);
    expect(JSON.stringify(sets)).not.toMatch(/remark|told@acme/);
    expect((await one.poll(stream)).sets).toEqual({});
  });

  it('of a link that may do more by now, with the scopes that its tokens carry', async () => {
    const one = await receiver();
    const stream = await one.stream({ events_requested: [`${CAEP}/token-claims-change`] });
    const { client, person, userId, grantId, clientId } = await linked('wider@acme.example', 'boards:read');
    await client.redeem(await client.authorize(person, { scope: 'boards:read boards:write' }));
    const [set] = await taken(one, stream, 1);
    expect(set).toMatchObject({
      sub_id: { format: 'complex', user: { sub: userId }, application: { id: clientId } },
      events: {
        [`${CAEP}/token-claims-change`]: {
          claims: { scope: 'boards:read boards:write' },
          initiating_entity: 'user',
          grant_id: grantId,
        },
      },
    });
  });

  it('of a person who is suspended, and resumed', async () => {
    const one = await receiver();
    const risc = 'https://schemas.openid.net/secevent/risc/event-type';
    const stream = await one.stream({ events_requested: [`${risc}/account-disabled`, `${risc}/account-enabled`] });
    const { userId } = await linked('suspended@acme.example');
    const target = { kind: 'user', userId };
    expect((await admin('POST', '/suspensions', { target, reason: 'a private remark' })).status).toBeLessThan(300);
    expect((await admin('POST', '/resumptions', { target })).status).toBeLessThan(300);
    const sets = await taken(one, stream, 2);
    expect(typesOf(sets)).toEqual([`${risc}/account-disabled`, `${risc}/account-enabled`]);
    for (const { sub_id: subject } of sets) expect(subject).toEqual({ format: 'iss_sub', iss: issuer, sub: userId });
    expect(JSON.stringify(sets)).not.toContain('remark');
  });

  it('is pushed as well, with the authorization that the receiver wants, in order and again when it was not taken', async () => {
    const one = await receiver();
    server.answer('/pushed', (nth) => ({ status: nth === 1 ? 503 : 202 }));
    await one.stream({
      delivery: { method: PUSH, endpoint_url: `${server.origin}/pushed`, authorization_header: 'Bearer of-theirs' },
      events_requested: [`${CAEP}/session-revoked`, GRANT_REVOKED],
    });
    const { userId, grantId } = await linked('pushed@acme.example');
    await revoke({ kind: 'grant', grantId });
    await revoke({ kind: 'user', userId });
    await until(() => server.at('/pushed').length === 4);
    const [refused, again] = server.at('/pushed');
    expect(again!.body).toBe(refused!.body);
    expect(refused!.headers).toMatchObject({
      'content-type': 'application/secevent+jwt',
      authorization: 'Bearer of-theirs',
    });
    const sets = await pushedTo(one, '/pushed');
    expect(typesOf(sets)).toEqual([GRANT_REVOKED, GRANT_REVOKED, `${CAEP}/session-revoked`, GRANT_REVOKED]);
    const { rows } = await owner.query<{ text: string }>(
      `SELECT coalesce(string_agg(t::text, ' '), '') AS text FROM (SELECT to_jsonb(s) AS t FROM signal_streams s
         UNION ALL SELECT to_jsonb(d) FROM deliveries d UNION ALL SELECT to_jsonb(e) FROM events e) t`,
    );
    expect(rows[0]!.text).not.toContain('of-theirs');
  });

  it('of two streams to each its own: what one asked for, and without the subjects that it removed', async () => {
    const [one, other] = [await receiver(), await receiver()];
    const sessions = await one.stream({ events_requested: [`${CAEP}/session-revoked`] });
    const all = await other.stream({ events_requested: [`${CAEP}/session-revoked`, GRANT_REVOKED] });
    const [ann, bob] = [await linked('ann@acme.example'), await linked('bob@acme.example')];
    const subject = { format: 'email', email: 'Ann@acme.example' };
    const remove = (named: object) =>
      other.call('remove_subject_endpoint', 'POST', { stream_id: all.stream_id, subject: named });
    expect((await remove(subject)).status).toBe(204);
    // Nobody learns whether there is such a person.
    expect((await remove({ format: 'email', email: 'nobody@acme.example' })).status).toBe(204);
    expect((await remove({ format: 'phone_number', phone_number: '+12065550100' })).status).toBe(400);
    // Random, so that nothing makes it short.
    const long = (bytes: number) => randomBytes(bytes / 2).toString('hex');
    const application = { format: 'opaque', id: `https://client.example/${long(2_000)}` };
    const resourceNamed = { format: 'uri', uri: `https://mcp.example/${long(2_000)}` };
    expect((await remove({ format: 'complex', application })).status).toBe(204);
    expect((await remove({ format: 'complex', application, resource: resourceNamed })).status).toBe(400);
    await revoke({ kind: 'user', userId: ann.userId });
    await revoke({ kind: 'user', userId: bob.userId });
    expect(typesOf(await taken(one, sessions, 2))).toEqual([`${CAEP}/session-revoked`, `${CAEP}/session-revoked`]);
    const told = await taken(other, all, 2);
    expect(JSON.stringify(told)).not.toContain(ann.userId);
    expect(told.every(({ aud }) => aud === other.audience)).toBe(true);

    const again = await other.call('add_subject_endpoint', 'POST', { stream_id: all.stream_id, subject });
    expect(again.status).toBe(200);
    await revoke({ kind: 'user', userId: ann.userId });
    expect(JSON.stringify(await taken(other, all, 2))).toContain(ann.userId);
  });

  it('without the subjects that it removed, which tell nothing of whether there is such a person', async () => {
    const one = await receiver();
    await linked('eve@acme.example');
    const answers: number[][] = [];
    for (const email of ['Eve@acme.example', 'nobody.at.all@acme.example']) {
      const { stream_id: stream } = await one.stream({});
      const call = async (endpoint: 'add_subject_endpoint' | 'remove_subject_endpoint', named: string) =>
        (await one.call(endpoint, 'POST', { stream_id: stream, subject: { format: 'email', email: named } })).status;
      // All but one of those that a stream can be without.
      await owner.query(
        `INSERT INTO signal_subjects_removed (tenant_id, stream_id, members)
         SELECT tenant_id, stream_id, jsonb_build_object('application', n::text)
         FROM signal_streams, generate_series(1, 9999) n WHERE stream_id = $1`,
        [stream],
      );
      answers.push([
        await call('remove_subject_endpoint', email),
        await call('remove_subject_endpoint', 'another@acme.example'),
        await call('remove_subject_endpoint', email),
        await call('add_subject_endpoint', email),
        await call('remove_subject_endpoint', 'another@acme.example'),
      ]);
    }
    expect(answers).toEqual([
      [204, 403, 403, 200, 204],
      [204, 403, 403, 200, 204],
    ]);
  });

  it('is verified on request, once in a while', async () => {
    const one = await receiver();
    const stream = await one.stream({});
    const verify = () => one.call('verification_endpoint', 'POST', { stream_id: stream.stream_id, state: 'c3RhdGU' });
    expect((await verify()).status).toBe(204);
    expect((await verify()).status).toBe(429);
    const [set] = await taken(one, stream, 1);
    expect(set).toMatchObject({
      sub_id: { format: 'opaque', id: stream.stream_id },
      events: { [`${SSF}/verification`]: { state: 'c3RhdGU' } },
    });
  });

  it('waits for a poll that waits', async () => {
    const one = await receiver();
    const stream = await one.stream({ events_requested: [`${CAEP}/session-revoked`] });
    const waiting = one.poll(stream, { returnImmediately: false });
    const { userId } = await linked('waiting@acme.example');
    await revoke({ kind: 'user', userId });
    expect(Object.keys((await waiting).sets)).toHaveLength(1);
  });

  it('waits for the newest poll of a stream alone', async () => {
    const one = await receiver();
    const stream = await one.stream({ events_requested: [`${CAEP}/session-revoked`] });
    const polls = [1, 2, 3].map(() => one.poll(stream, { returnImmediately: false }));
    const over = await Promise.race(polls);
    expect(over.sets).toEqual({});
    const { userId } = await linked('newest@acme.example');
    await revoke({ kind: 'user', userId });
    const answers = await Promise.all(polls);
    expect(answers.flatMap(({ sets }) => Object.keys(sets))).toHaveLength(1);
  });

  it('that a receiver cannot take is put aside, and the admin sees why', async () => {
    const one = await receiver();
    const stream = await one.stream({ events_requested: [`${CAEP}/session-revoked`] });
    const { userId } = await linked('refused@acme.example');
    await revoke({ kind: 'user', userId });
    await until(async () => Object.keys((await one.poll(stream)).sets).length === 1);
    const [jti] = Object.keys((await one.poll(stream)).sets);
    await one.poll(stream, { setErrs: { [jti!]: { err: 'invalid_audience', description: 'not for us' } } });
    expect((await one.poll(stream)).sets).toEqual({});
    const { body } = await admin<{ deadLetters: object[] }>(
      'GET',
      `/dead-letters?consumer=signals-${stream.stream_id}`,
    );
    expect(body.deadLetters).toMatchObject([{ reason: 'set.invalid_audience' }]);
    const seen = await admin<{ receivers: { id: string; streams: object[] }[] }>('GET', '/signal-receivers');
    expect(seen.body.receivers.find(({ id }) => id === one.id)!.streams).toMatchObject([{ held: 0, deadLetters: 1 }]);
  });
});

describe('a stream’s status', () => {
  async function stopped(status: 'paused' | 'disabled') {
    const one = await receiver();
    const path = `/${status}`;
    server.answer(path, () => ({ status: 202 }));
    const stream = await one.stream({
      delivery: { method: PUSH, endpoint_url: server.origin + path },
      events_requested: [`${CAEP}/session-revoked`],
    });
    const set = (to: string) =>
      one.call('status_endpoint', 'POST', { stream_id: stream.stream_id, status: to, reason: 'tests' });
    expect((await set(status)).body).toEqual({ stream_id: stream.stream_id, status, reason: 'tests' });
    const gone = await linked(`${status}@acme.example`);
    await revoke({ kind: 'user', userId: gone.userId });
    const { rows } = await owner.query<{ seq: number }>('SELECT seq::int FROM heads WHERE tenant_id = $1', [tenantId]);
    await until(async () => {
      const cursors = await owner.query(
        `SELECT FROM consumer_cursors WHERE tenant_id = $1 AND consumer = 'signals' AND seq >= $2`,
        [tenantId, rows[0]!.seq],
      );
      return cursors.rowCount === 1;
    });
    expect(server.at(path)).toEqual([]);
    await set('enabled');
    const { userId } = await linked(`after-${status}@acme.example`);
    await revoke({ kind: 'user', userId });
    await until(async () => JSON.stringify(await pushedTo(one, path)).includes(userId));
    return { told: JSON.stringify(await pushedTo(one, path)), gone: gone.userId };
  }

  it('paused holds what happens until it is enabled', async () => {
    const { told, gone } = await stopped('paused');
    expect(told).toContain(gone);
  });

  it('disabled holds nothing', async () => {
    const { told, gone } = await stopped('disabled');
    expect(told).not.toContain(gone);
  });

  it('is paused for a receiver that fails for days, which is told so when it works again, and disabled for one that is gone', async () => {
    const one = await receiver();
    const made = async (path: string) =>
      one.stream({
        delivery: { method: PUSH, endpoint_url: server.origin + path },
        events_requested: [`${CAEP}/session-revoked`],
      });
    const [failing, gone] = [await made('/failing'), await made('/gone')];
    let works = false;
    server.answer('/failing', () => ({ status: works ? 202 : 500 }));
    server.answer('/gone', () => ({ status: 410 }));
    const statusOf = async ({ stream_id: id }: StreamConfiguration) =>
      (await one.call<{ status: string; reason?: string }>(`${one.metadata['status_endpoint']}?stream_id=${id}`, 'GET'))
        .body;
    const { userId } = await linked('failing@acme.example');
    await revoke({ kind: 'user', userId });
    await until(async () => (await statusOf(gone)).status === 'disabled');
    expect(await statusOf(gone)).toMatchObject({ reason: 'gone' });
    await until(() => server.at('/failing').length > 0);
    const days = (interval: string) =>
      owner.query(
        `UPDATE receiver_cursors SET failing_since_at = now() - $2::interval, retry_at = now() WHERE receiver_id = $1`,
        [failing.stream_id, interval],
      );
    await until(async () => {
      await days('6 days');
      return (await statusOf(failing)).status === 'paused';
    });
    works = true;
    server.answer('/failing', () => ({ status: 202 }));
    await days('1 minute');
    await until(async () => typesOf(await pushedTo(one, '/failing').catch(() => [])).includes(`${SSF}/stream-updated`));
    await one.call('status_endpoint', 'POST', { stream_id: failing.stream_id, status: 'enabled' });
    await until(async () => typesOf([(await pushedTo(one, '/failing')).at(-1)!])[0] === `${CAEP}/session-revoked`);
    expect((await pushedTo(one, '/failing')).at(-1)!.sub_id).toMatchObject({ sub: userId });
  });

  it('is disabled when more is held than fits, which the receiver is told', async () => {
    const one = await receiver();
    const stream = await one.stream({ events_requested: [`${CAEP}/session-revoked`] });
    await linked('first@acme.example').then(({ userId }) => revoke({ kind: 'user', userId }));
    await until(async () => Object.keys((await one.poll(stream)).sets).length === 1);
    await owner.query('UPDATE signal_streams SET last_no = last_no + 10000 WHERE stream_id = $1', [stream.stream_id]);
    await linked('one-too-many@acme.example').then(({ userId }) => revoke({ kind: 'user', userId }));
    await until(async () => {
      const { sets } = await one.poll(stream);
      return typesOf(await Promise.all(Object.values(sets).map((token) => one.verify(token)))).includes(
        `${SSF}/stream-updated`,
      );
    });
    const [updated] = await taken(one, stream, 1);
    expect(updated!.events[`${SSF}/stream-updated`]).toEqual({ status: 'disabled', reason: 'buffer_full' });
  });
});
