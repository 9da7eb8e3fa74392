import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import { OAuthClient } from '../support/clients/oauth-client.ts';
import { Person } from '../support/clients/person.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';

interface Delivery {
  headers: IncomingHttpHeaders;
  body: string;
}

let product: RunningProduct;
let receiver: Server;
const deliveries: Delivery[] = [];
let answers: number[] = [];

beforeAll(async () => {
  product = await startProduct({ OUTBOUND_ALLOW_LOOPBACK: 'true' });
  receiver = createServer((request, response) => {
    let body = '';
    request.on('data', (part: Buffer) => (body += part.toString()));
    request.on('end', () => {
      deliveries.push({ headers: request.headers, body });
      response.writeHead(answers.shift() ?? 204).end();
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  receiver?.close();
  await product?.stop();
});

async function delivered(count: number): Promise<void> {
  while (deliveries.length < count) await new Promise((resolve) => setTimeout(resolve, 20));
}

it('tells the tenant’s admin of each revocation, signed, in order, again when it was not taken', async () => {
  const { issuer, user } = product.summary.demo;
  const notificationUrl = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
  expect((await product.admin('PATCH', '/tenants/acme/policy', { notificationUrl })).status).toBe(200);
  const { body: secret } = await product.admin<{ secret: string }>('GET', '/tenants/acme/policy/notification-secret');

  const person = new Person(user.email, user.password);
  const client = await OAuthClient.register(issuer);
  const tokens = await client.redeem(await client.authorize(person));
  const { grant_id: grantId, sub: userId } = decodeJwt(tokens.body.access_token);
  answers = [503];
  await product.admin('POST', '/tenants/acme/revocations', {
    target: { kind: 'grant', grantId },
    reason: 'a private remark',
  });
  await product.admin('POST', '/tenants/acme/revocations', { target: { kind: 'user', userId }, reason: 'another one' });
  await delivered(3);

  const [refused, again, next] = deliveries as [Delivery, Delivery, Delivery];
  expect(again.headers['webhook-id']).toBe(refused.headers['webhook-id']);
  expect([JSON.parse(again.body).type, JSON.parse(next.body).type]).toEqual(['grant.revoked', 'user.revoked']);
  expect(JSON.parse(again.body).data).toMatchObject({ grantId, because: 'admin' });
  expect(JSON.parse(next.body).data).toMatchObject({ userId });
  expect(deliveries.map((delivery) => delivery.body).join()).not.toContain('remark');
  for (const { headers, body } of deliveries) {
    const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
    const expected = createHmac('sha256', Buffer.from(secret.secret.slice('whsec_'.length), 'base64'))
      .update(signed)
      .digest('base64');
    expect(headers['webhook-signature']).toBe(`v1,${expected}`);
  }
});

it('ends the sessions of a person whose access was revoked', async () => {
  const { issuer, user } = product.summary.demo;
  const person = new Person(user.email, user.password);
  const client = await OAuthClient.register(issuer);
  const tokens = await client.redeem(await client.authorize(person));
  await product.admin('POST', '/tenants/acme/revocations', {
    target: { kind: 'user', userId: decodeJwt(tokens.body.access_token).sub },
    reason: 'left',
  });
  const page = await person.open(client.authorizationUrl());
  expect(page.form('login')).toBeDefined();
});
