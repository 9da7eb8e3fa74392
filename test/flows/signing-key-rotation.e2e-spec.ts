import { Database, EventStore } from '@grantkeeper/event-store';
import { tenantId, type TenantId } from '@grantkeeper/kernel';
import { LocalKeyProvider, MasterSecrets, SigningKeys } from '@grantkeeper/keys';
import type { Queues } from '@grantkeeper/queue';
import { inlineProjections } from '@grantkeeper/read-models';
import { decodeProtectedHeader } from 'jose';
import { SigningKeyRotationJob } from '../../apps/worker/src/jobs/signing-key-rotation.job.ts';
import { eventsOf } from '../support/clients/admin.ts';
import { OAuthClient } from '../support/clients/oauth-client.ts';
import { Person } from '../support/clients/person.ts';
import { callTool, refusedCall } from '../support/clients/tool-call.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';

const DAY_MS = 86_400_000;

describe('the keys that an issuer signs with', () => {
  let product: RunningProduct;
  let database: Database;
  let tenant: TenantId;
  let signingKeys: SigningKeys;
  const others: Database[] = [];

  beforeAll(async () => {
    product = await startProduct();
    database = new Database({ url: product.databaseUrl, max: 4, onError: () => undefined });
    signingKeys = new SigningKeys(database, new LocalKeyProvider(new MasterSecrets(product.masterKeys)));
    const { body } = await product.admin<{ id: string }>('GET', '/tenants/acme');
    tenant = tenantId(body.id);
  }, 60_000);

  afterAll(async () => {
    await Promise.all(others.map((other) => other.close()));
    await database?.close();
    await product?.stop();
  });

  /** The job as each process has it: nothing that they do at the same time meets before the database. */
  function job(): SigningKeyRotationJob {
    const own = new Database({ url: product.databaseUrl, max: 2, onError: () => undefined });
    others.push(own);
    const store = new EventStore(own, inlineProjections, { seal: async () => undefined });
    return new SigningKeyRotationJob(own, store, signingKeys, undefined as unknown as Queues);
  }

  /** So many days pass, for one key. */
  async function age(kid: string, days: number): Promise<void> {
    const changedAt = new Date(Date.now() - days * DAY_MS).toISOString();
    await database.asTenant(tenant, (tx) =>
      tx.updateTable('signing_keys').set({ changed_at: changedAt }).where('kid', '=', kid).execute(),
    );
  }

  const published = async (): Promise<string[]> => {
    const answer = await fetch(`${product.summary.demo.issuer}/jwks`);
    return ((await answer.json()) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid);
  };
  const keysOf = async (): Promise<{ kid: string; alg: string; state: string }[]> => {
    const { body } = await product.admin<{ signingKeys: { kid: string; alg: string; state: string }[] }>(
      'GET',
      '/tenants/acme/signing-keys',
    );
    return body.signingKeys.filter(({ alg }) => alg === 'ES256');
  };
  const stateOf = async (kid: string): Promise<string | undefined> =>
    (await keysOf()).find((key) => key.kid === kid)?.state;
  const privateHalves = async (): Promise<string[]> =>
    database.asTenant(tenant, async (tx) =>
      (await tx.selectFrom('sealed_signing_keys').select('kid').execute()).map(({ kid }) => kid),
    );
  const kidOf = (token: string): string => decodeProtectedHeader(token).kid!;

  it('change in time: published before they sign and after, and no token is refused for it', async () => {
    const { issuer, resource } = product.summary.demo;
    const person = new Person('keys@acme.example', 'a long enough password');
    const { email, password } = person;
    await product.admin('POST', '/tenants/acme/users', { email, password });
    const client = await OAuthClient.register(issuer);
    const before = await client.link(person);
    const old = kidOf(before.access_token);

    await age(old, 79);
    await job().run();
    expect(await keysOf()).toHaveLength(1);

    // Announced: everyone can read it, nobody signs with it.
    await age(old, 89);
    await Promise.all([job().run(), job().rotate(tenant), job().rotate(tenant)]);
    expect((await keysOf()).map(({ state }) => state).sort()).toEqual(['active', 'pending']);
    const next = (await keysOf()).find(({ state }) => state === 'pending')!.kid;
    expect(await published()).toEqual(expect.arrayContaining([old, next]));
    const refreshed = await client.refresh(before.refresh_token);
    expect(kidOf(refreshed.body.access_token)).toBe(old);
    await age(next, 0.99);
    await job().run();
    expect((await keysOf()).map(({ state }) => state).sort()).toEqual(['active', 'pending']);

    // A day later it signs; several processes may find that at once.
    await age(next, 1);
    await Promise.all([job().rotate(tenant), job().rotate(tenant), job().rotate(tenant)]);
    expect([await stateOf(old), await stateOf(next)]).toEqual(['retiring', 'active']);
    const after = await client.refresh(refreshed.body.refresh_token);
    expect(kidOf(after.body.access_token)).toBe(next);
    for (const token of [refreshed.body.access_token, after.body.access_token])
      expect((await callTool(resource, token)).status).toBe(200);
    expect(await published()).toEqual(expect.arrayContaining([old, next]));

    // When nothing that it has signed can be valid any more, it is gone.
    await age(old, 1.99);
    await job().rotate(tenant);
    expect(await stateOf(old)).toBe('retiring');
    await age(old, 2);
    await job().rotate(tenant);
    expect(await stateOf(old)).toBe('retired');
    expect(await published()).not.toContain(old);
    expect(await privateHalves()).toContain(old);
    await job().rotate(tenant);
    expect(await privateHalves()).not.toContain(old);
    expect((await refusedCall(resource, refreshed.body.access_token)).status).toBe(401);
    expect((await callTool(resource, after.body.access_token)).status).toBe(200);

    const told = (await eventsOf(product)).filter(
      ({ type, payload }) => type.startsWith('SigningKey') && [old, next].includes(String(payload['kid'])),
    );
    expect(told.map(({ type }) => type)).toEqual([
      'SigningKeyCreated',
      'SigningKeyCreated',
      'SigningKeySuperseded',
      'SigningKeyActivated',
      'SigningKeyRetired',
    ]);
  });

  it('one that is revoked gives way to the one that is announced, which verifiers know already', async () => {
    await age((await keysOf()).find(({ state }) => state === 'active')!.kid, 90);
    await job().rotate(tenant);
    const keys = await keysOf();
    const [active, announced] = ['active', 'pending'].map((state) => keys.find((key) => key.state === state)!.kid);
    const target = { kind: 'signing_key', kid: active };
    const { status } = await product.admin('POST', '/tenants/acme/revocations', { target, reason: 'leaked' });
    expect(status).toBe(200);
    expect([await stateOf(active!), await stateOf(announced!)]).toEqual(['revoked', 'active']);
    expect(await keysOf()).toHaveLength(keys.length);
  });
});
