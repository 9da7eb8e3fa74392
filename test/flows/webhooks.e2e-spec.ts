import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import { OAuthClient } from '../support/clients/oauth-client.ts';
import { Person } from '../support/clients/person.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';
import { type ReceivedRequest, ReceivingServer } from '../support/receiving-server.ts';
import { until } from '../support/until.ts';

interface Webhook {
  id: string;
  secret: string;
  disabled: { because: string } | null;
  types: string[] | null;
  delivery: { behind: number; attempts: number; lastError: string | null; deadLetters: number };
}
interface Delivery {
  seq: number;
  type: string;
  outcome: string;
  again: boolean;
  webhookId: string;
}

let product: RunningProduct;
let receiver: ReceivingServer;

beforeAll(async () => {
  product = await startProduct({ OUTBOUND_ALLOW_LOOPBACK: 'true' });
  receiver = await ReceivingServer.start();
});
afterAll(async () => {
  await receiver?.stop();
  await product?.stop();
});

const call = <Answer>(method: string, path: string, body?: unknown) =>
  product.admin<Answer>(method, `/tenants/acme${path}`, body);
async function made(path: string, types: string[] | null): Promise<Webhook> {
  const { status, body } = await call<Webhook>('POST', '/webhooks', { name: path, url: receiver.origin + path, types });
  expect(status).toBe(201);
  return body;
}
const typesAt = (path: string): string[] => receiver.at(path).map(({ body }) => JSON.parse(body).type as string);
const log = async (id: string, query = ''): Promise<Delivery[]> =>
  (await call<{ deliveries: Delivery[] }>('GET', `/webhooks/${id}/deliveries${query}`)).body.deliveries;

function expectSigned({ headers, body }: ReceivedRequest, secret: string): void {
  const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
  const expected = createHmac('sha256', Buffer.from(secret.slice('whsec_'.length), 'base64'))
    .update(signed)
    .digest('base64');
  expect(headers['webhook-signature']).toBe(`v1,${expected}`);
}

describe('webhooks', () => {
  it('tell of what an admin does, signed, in order, again when it was not taken', async () => {
    const { issuer, user } = product.summary.demo;
    const { secret, id } = await made('/admin', ['grant.revoked', 'user.revoked']);
    const person = new Person(user.email, user.password);
    const client = await OAuthClient.register(issuer);
    const tokens = await client.redeem(await client.authorize(person));
    const { grant_id: grantId, sub: userId } = decodeJwt(tokens.body.access_token);
    receiver.answer('/admin', (nth) => ({ status: nth === 1 ? 503 : 204 }));
    const reason = 'a private remark';
    await call('POST', '/revocations', { target: { kind: 'grant', grantId }, reason });
    await call('POST', '/revocations', { target: { kind: 'user', userId }, reason });
    await until(() => receiver.at('/admin').length === 3);

    const [refused, again, next] = receiver.at('/admin') as [ReceivedRequest, ReceivedRequest, ReceivedRequest];
    expect(again.headers['webhook-id']).toBe(refused.headers['webhook-id']);
    expect(typesAt('/admin')).toEqual(['grant.revoked', 'grant.revoked', 'user.revoked']);
    expect(JSON.parse(again.body).data).toMatchObject({ grantId, userId, because: 'admin' });
    expect(JSON.parse(next.body).data).toMatchObject({ userId });
    for (const request of receiver.at('/admin')) {
      expectSigned(request, secret);
      expect(request.body).not.toContain('remark');
    }
    await until(async () => (await log(id)).length === 3);
    expect((await log(id)).map(({ type, outcome }) => [type, outcome])).toEqual([
      ['user.revoked', 'accepted'],
      ['grant.revoked', 'accepted'],
      ['grant.revoked', 'failed'],
    ]);
  });

  it('are made and given secrets once, however often the request is sent', async () => {
    const twice = async (path: string, body: object) => {
      const send = () =>
        product.admin<Webhook>('POST', `/tenants/acme${path}`, body, {
          'idempotency-key': `once ${path}`.replace(' ', '-'),
        });
      return [await send(), await send()] as const;
    };
    const [made1, made2] = await twice('/webhooks', {
      name: 'once',
      url: 'https://hooks.example/',
      types: ['user.created'],
    });
    expect([made1.status, made2.status]).toEqual([201, 201]);
    expect(made2.body.id).toBe(made1.body.id);
    expect([typeof made1.body.secret, typeof made2.body.secret]).toEqual(['string', 'undefined']);
    const [first, second] = await twice(`/webhooks/${made1.body.id}/secrets`, { overlapSeconds: 60 });
    expect(first.body).toMatchObject({ secret: expect.stringMatching(/^whsec_/), previousUntil: expect.any(String) });
    const { secret: _secret, ...rest } = first.body;
    expect(second.body).toEqual(rest);
  });

  it('take a test at once, and the admin sees what came of it', async () => {
    const { id, secret } = await made('/test', ['tenant.revoked']);
    expect((await call('POST', `/webhooks/${id}/test`)).body).toMatchObject({ accepted: true, status: 204 });
    const [request] = receiver.at('/test');
    expect(JSON.parse(request!.body)).toMatchObject({ type: 'webhook.test', data: { webhookId: id } });
    expectSigned(request!, secret);
    receiver.answer('/test', () => ({ status: 500, body: 'no such table' }));
    expect((await call('POST', `/webhooks/${id}/test`)).body).toMatchObject({
      accepted: false,
      status: 500,
      reason: 'http.500',
      excerpt: 'no such table',
    });
    expect((await log(id, '?outcome=failed')).map(({ type }) => type)).toEqual(['webhook.test']);
  });

  it('are tested, and told everything again, as often as an admin needs, and not as often as an attacker would', async () => {
    const { id } = await made('/aimed', ['tenant.revoked']);
    const statuses: number[] = [];
    for (let n = 0; n < 31; n += 1) statuses.push((await call('POST', `/webhooks/${id}/test`)).status);
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThan(20);
    expect(statuses.at(-1)).toBe(429);
    const sent = receiver.at('/aimed').length;
    expect(await call('POST', `/webhooks/${id}/test`)).toMatchObject({
      status: 429,
      body: { type: 'urn:problem:limits.exceeded' },
    });
    expect(receiver.at('/aimed')).toHaveLength(sent);
    const since = new Date().toISOString();
    const again = async (): Promise<number> => (await call('POST', `/webhooks/${id}/redeliveries`, { since })).status;
    for (let n = 0; n < 20; n += 1) expect(await again()).toBe(202);
    expect(await again()).toBe(429);
  });

  it('are changed, stopped and removed', async () => {
    const { id } = await made('/changing', ['user.created']);
    const changed = await call<Webhook>('PATCH', `/webhooks/${id}`, { types: null, enabled: false });
    expect(changed.body).toMatchObject({ types: null, disabled: { because: 'admin' } });
    await call('POST', '/users', { email: 'changing@acme.example' });
    await call('PATCH', `/webhooks/${id}`, { types: ['user.created'], enabled: true });
    // What happened while it was stopped is told now.
    await until(() => receiver.at('/changing').length === 1);
    expect(typesAt('/changing')).toEqual(['user.created']);
    expect((await call('DELETE', `/webhooks/${id}`)).status).toBe(204);
    expect((await call('GET', `/webhooks/${id}`)).status).toBe(404);
    expect((await call('PATCH', `/webhooks/${id}`, { enabled: true })).status).toBe(404);
    expect(receiver.received.map(({ body }) => body).join()).not.toContain('changing@acme.example');
  });

  it('are told again of one event, and of everything since a time, in order, with the same ids', async () => {
    const { id } = await made('/again', ['user.created']);
    const since = new Date().toISOString();
    await call('POST', '/users', { email: 'one@acme.example' });
    await call('POST', '/users', { email: 'two@acme.example' });
    await until(() => receiver.at('/again').length === 2);
    const told = receiver.at('/again').map(({ headers }) => headers['webhook-id']);
    await until(async () => (await log(id)).length === 2);
    const first = (await log(id)).at(-1)!;
    expect((await call('POST', `/webhooks/${id}/redeliveries`, { seq: first.seq })).status).toBe(202);
    await until(() => receiver.at('/again').length === 3);
    await until(async () => (await log(id)).length === 3);
    expect((await call('POST', `/webhooks/${id}/redeliveries`, { since })).status).toBe(202);
    await until(() => receiver.at('/again').length === 5);
    expect(receiver.at('/again').map(({ headers }) => headers['webhook-id'])).toEqual([...told, told[0], ...told]);
    expect((await call('POST', `/webhooks/${id}/redeliveries`, { seq: 1_000_000 })).status).toBe(404);
    expect((await call('POST', `/webhooks/${id}/redeliveries`, {})).status).toBe(422);
  });

  it('show a dead letter, which an admin has replayed', async () => {
    await call('PATCH', '/policy', { deliveryAttempts: 1 });
    const { id } = await made('/dead', ['user.created']);
    receiver.answer('/dead', (nth) => ({ status: nth === 1 ? 500 : 204 }));
    await call('POST', '/users', { email: 'dead@acme.example' });
    await until(async () => (await call<Webhook>('GET', `/webhooks/${id}`)).body.delivery.deadLetters === 1);
    const { body } = await call<{ deadLetters: { seq: number; consumer: string }[] }>(
      'GET',
      `/dead-letters?consumer=webhook-${id}`,
    );
    expect(body.deadLetters).toMatchObject([{ consumer: `webhook-${id}`, type: 'user.created', reason: 'http.500' }]);
    await call('POST', `/dead-letters/webhook-${id}/${body.deadLetters[0]!.seq}/replay`);
    await until(async () => (await call<Webhook>('GET', `/webhooks/${id}`)).body.delivery.deadLetters === 0);
    expect(receiver.at('/dead')).toHaveLength(2);
    await call('PATCH', '/policy', { deliveryAttempts: 12 });
  });

  it('have the schema of each message in the catalogue of events', async () => {
    const { body } = await call<{ eventTypes: { type: string; schema: object }[] }>('GET', '/webhooks/event-types');
    expect(body.eventTypes.map(({ type }) => type)).toEqual(expect.arrayContaining(['grant.revoked', 'user.revoked']));
    expect(body.eventTypes[0]!.schema).toMatchObject({ properties: { data: { type: 'object' } } });
  });

  it.each([
    ['url', { name: 'x', url: 'http://hooks.example/' }],
    ['url', { name: 'x', url: 'https://user:secret@hooks.example/' }],
    ['types.0', { name: 'x', url: 'https://hooks.example/', types: ['grant.everything'] }],
    ['name', { url: 'https://hooks.example/' }],
  ])('are refused where %s cannot be', async (field, body) => {
    const answer = await call<{ type: string; field: string }>('POST', '/webhooks', body);
    expect([answer.status, answer.body.field]).toEqual([422, field]);
  });
});

it('ends the sessions of a person whose access was revoked', async () => {
  const { issuer, user } = product.summary.demo;
  const person = new Person(user.email, user.password);
  const client = await OAuthClient.register(issuer);
  const tokens = await client.redeem(await client.authorize(person));
  await call('POST', '/revocations', {
    target: { kind: 'user', userId: decodeJwt(tokens.body.access_token).sub },
    reason: 'left',
  });
  const page = await person.open(client.authorizationUrl());
  expect(page.form('login')).toBeDefined();
});
