import { signingKeyCreated } from '@grantkeeper/domain';
import { VerificationKeys } from '@grantkeeper/keys';
import type { TenantId } from '@grantkeeper/kernel';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import pg from 'pg';
import { actor, openLedger, type TestLedger } from '../support/ledger.ts';
import { until } from '../support/until.ts';

describe('verification keys', () => {
  let ledger: TestLedger;
  let tenant: TenantId;
  let owner: pg.Client;

  beforeAll(async () => {
    ledger = await openLedger();
    tenant = await ledger.tenant();
    owner = new pg.Client(ledger.url);
    await owner.connect();
    const publicJwk = (await newKey()) as Parameters<typeof signingKeyCreated.on>[1]['publicJwk'];
    await ledger.store.append({
      tenantId: tenant,
      actor,
      read: { epoch: 1, seq: 2 },
      events: [
        signingKeyCreated.on('k1', { kid: 'k1', use: 'access_token', alg: 'ES256', state: 'active', publicJwk }),
      ],
    });
  });

  afterAll(async () => {
    await owner?.end();
    await ledger?.close();
  });

  const newKey = async (): Promise<JWK> => exportJWK((await generateKeyPair('ES256', { extractable: true })).publicKey);
  const hint = { kid: 'k1', alg: 'ES256' };

  it('are the same objects as long as they are the same keys, so that what they verified stays verified', async () => {
    const keys = new VerificationKeys(ledger.database);
    const before = await keys.find(tenant, hint);
    expect(before).toBeDefined();
    await owner.query('UPDATE signing_keys SET state = $1', ['retiring']);
    // Read anew, as a name that is not known always is.
    expect(await keys.find(tenant, { kid: 'k0', alg: 'ES256' })).toBeUndefined();
    expect(await keys.find(tenant, hint)).toBe(before);
    await owner.query('UPDATE signing_keys SET public_jwk = $1', [await newKey()]);
    await until(async () => (await keys.find(tenant, hint)) !== before);
    expect(await keys.find(tenant, hint)).toBeDefined();
  });

  it('are named as they were loaded last, unless they are too many', async () => {
    const keys = new VerificationKeys(ledger.database);
    expect(keys.named(1)).toEqual([]);
    await keys.find(tenant, hint);
    expect([keys.named(1), keys.named(0)]).toEqual([[{ tenant, kid: 'k1' }], undefined]);
  });

  it('are gone within two seconds of their revocation', async () => {
    const keys = new VerificationKeys(ledger.database);
    expect(await keys.find(tenant, hint)).toBeDefined();
    await owner.query('UPDATE signing_keys SET state = $1', ['revoked']);
    await until(async () => (await keys.find(tenant, hint)) === undefined);
  });
});
