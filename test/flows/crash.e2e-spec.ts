import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Database, replay } from '@grantkeeper/event-store';
import { SYSTEM_TENANT, tenantId as toTenantId } from '@grantkeeper/kernel';
import { inlineProjections } from '@grantkeeper/read-models';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import { ChildProduct } from '../support/child-product.ts';
import { OAuthClient, type TokenBody } from '../support/clients/oauth-client.ts';
import { Person } from '../support/clients/person.ts';
import { freePort } from '../support/product.ts';
import type { StandaloneSummary } from '../../apps/standalone/src/standalone.ts';

let dataDir: string;
let product: ChildProduct;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'grantkeeper-crash-'));
  product = new ChildProduct(dataDir, await freePort());
});
afterAll(async () => {
  await product.stop();
  await rm(dataDir, { recursive: true, force: true });
});

interface Acknowledged {
  readonly client: OAuthClient;
  /** Set when the token endpoint has answered. */
  tokens?: TokenBody;
  /** Set when the admin API has answered. */
  revoked?: boolean;
}

/** Links until the server dies, noting only what it has answered. */
async function linkUntilKilled(summary: StandaloneSummary, known: Acknowledged[], revoking: boolean): Promise<void> {
  const { issuer, user } = summary.demo;
  const person = new Person(user.email, user.password);
  for (;;) {
    try {
      const client = await OAuthClient.register(issuer);
      const authorization = await client.authorize(person);
      const link: Acknowledged = { client };
      known.push(link);
      const redeemed = await client.redeem(authorization);
      link.tokens = redeemed.body;
      if (!revoking) continue;
      const answer = await fetch(`${summary.adminUrl}/admin/v1/tenants/acme/revocations`, {
        method: 'POST',
        headers: { authorization: `Bearer ${summary.adminKey}`, 'content-type': 'application/json' },
        body: JSON.stringify({
          target: { kind: 'grant', grantId: decodeJwt(redeemed.body.access_token)['grant_id'] },
          reason: 'test',
        }),
      });
      await answer.text();
      link.revoked = answer.status === 200;
    } catch {
      if (!product.running) return;
      // A request that the kill has cut is not an answer; everything before it is.
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

it('loses no grant, event or revocation that it has answered, however often it is killed', async () => {
  const known: Acknowledged[] = [];
  for (let crash = 0; crash < 3; crash += 1) {
    const summary = await product.start();
    const work = Promise.all([
      linkUntilKilled(summary, known, false),
      linkUntilKilled(summary, known, true),
      linkUntilKilled(summary, known, true),
    ]);
    const enough = known.length + 15;
    while (known.length < enough) await new Promise((resolve) => setTimeout(resolve, 10));
    await product.kill();
    await work;
  }

  const summary = await product.start();
  const text = await fetch(`${summary.adminUrl}/admin/v1/tenants/acme/events`, {
    headers: { authorization: `Bearer ${summary.adminKey}` },
  }).then((answer) => answer.text());
  const events = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { seq: number; type: string; payload: { clientId?: string } });
  expect(events.map((event) => event.seq)).toEqual(events.map((_, index) => index + 1));
  const granted = new Set(
    events.filter((event) => event.type === 'GrantCreated').map((event) => event.payload.clientId),
  );
  expect(known.filter(({ client }) => !granted.has(client.id))).toEqual([]);

  for (const { client, tokens, revoked } of known) {
    if (!tokens) continue;
    const answer = await client.refresh(tokens.refresh_token);
    if (revoked) expect([answer.status, answer.body.error]).toEqual([400, 'invalid_grant']);
    // A revocation may have been committed without an answer: then the refusal is right too.
    else expect([200, 400]).toContain(answer.status);
  }
  expect(known.filter((link) => link.revoked).length).toBeGreaterThan(5);

  const database = new Database({ url: await product.databaseUrl() });
  const acme = (
    await database.relay<{ tenant_id: string }>(`SELECT tenant_id FROM tenant_directory WHERE slug = 'acme'`)
  )[0]!.tenant_id;
  for (const tenant of [toTenantId(acme), SYSTEM_TENANT]) {
    expect(await replay(database, inlineProjections, tenant)).toMatchObject({ gaps: [], differences: [] });
  }
  await database.close();
  await product.stop();
  await expect(stat(join(dataDir, 'postgres', 'postmaster.pid'))).rejects.toMatchObject({ code: 'ENOENT' });
}, 180_000);
