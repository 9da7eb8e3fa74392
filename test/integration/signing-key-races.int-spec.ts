import { createHash, randomBytes } from 'node:crypto';
import { signingKeyCreated } from '@grantkeeper/domain';
import { inFull, openPool, type SharingAnswers } from '@grantkeeper/event-store';
import { LocalKeyProvider, MasterSecrets, SigningKeys } from '@grantkeeper/keys';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type pg from 'pg';
import {
  RevokeSigningKey,
  RevokeSigningKeyHandler,
} from '../../apps/ledger/src/signing-keys/revoke-signing-key.handler.ts';
import { actor, openLedger, type TestLedger } from '../support/ledger.ts';
import { issueCode, makeLink } from '../support/link.ts';

interface Given {
  readonly outcome: string;
  readonly familyId: string;
  readonly seq: number;
  readonly kid: string;
}

/** What was signed, or will be, with the key that was read before its revocation, is dead whatever position it carries. */
describe('a revocation of the signing key', () => {
  let ledger: TestLedger;
  let pool: pg.Pool;
  let keys: SigningKeys;
  beforeAll(async () => {
    ledger = await openLedger();
    pool = openPool(ledger.url, 'service', { max: 4 });
    keys = new SigningKeys(
      ledger.database,
      new LocalKeyProvider(new MasterSecrets([{ version: 1, key: randomBytes(32) }])),
    );
  });
  afterAll(async () => {
    await pool.end();
    await ledger.close();
  });

  async function setUp() {
    const tenantId = await ledger.tenant();
    const { kid, alg, publicJwk, sealed } = await keys.create(tenantId, 'ES256');
    await ledger.store.append({
      tenantId,
      actor,
      events: [signingKeyCreated.on(kid, { kid, use: 'access_token', alg, state: 'active', publicJwk })],
      rows: { sealed_signing_keys: [sealed] },
    });
    const link = await makeLink(ledger, tenantId);
    const [head] = await ledger.database.relay<{ seq: number }>('SELECT seq FROM heads WHERE tenant_id = $1', [
      tenantId,
    ]);
    const code = () => issueCode(ledger, link, head!.seq);
    const given = await ledger.database.callAlone<Given>('redeem_codes', tenantId, await code());
    const { salt } = await ledger.database.asTenant(tenantId, (tx) =>
      tx.selectFrom('families').select('salt').where('family_id', '=', given.familyId).executeTakeFirstOrThrow(),
    );
    const inner = createHash('sha256').update('any').digest();
    const rotate = {
      familyId: given.familyId,
      generation: 1,
      inner: inner.toString('hex'),
      tag: createHash('sha256').update(salt).update(inner).digest('hex'),
      clientId: link.clientId,
      authMethod: 'none',
      secretHash: null,
      fingerprint: 'f',
      resource: null,
    };
    const standing = (token: Given, seq = token.seq) =>
      ledger.database.call<string | null>('access_standing', tenantId, {
        grantId: link.grantId,
        familyId: token.familyId,
        tokenId: 't',
        kid: token.kid,
        epoch: 1,
        seq,
      });
    const revoke = () =>
      new RevokeSigningKeyHandler(ledger.database, ledger.store, keys).execute(
        new RevokeSigningKey(tenantId, { kid, actor, reason: 'leaked' }),
      );
    return { tenantId, kid, rotate, code, standing, revoke };
  }

  it.each(['refresh', 'code exchange'] as const)(
    'that comes in the middle of a %s kills what it gives, and the next one is signed with another key',
    async (what) => {
      const { tenantId, kid, rotate, code, standing, revoke } = await setUp();
      const [name, input] = what === 'refresh' ? ['rotate_families', rotate] : ['redeem_codes', await code()];
      const client = await pool.connect();
      await client.query('BEGIN');
      const { rows } = await client.query<{ said: SharingAnswers }>(`SELECT ${name}($1, $2) AS said`, [
        tenantId,
        JSON.stringify([input]),
      ]);
      const [given] = inFull<Given>(rows[0]!.said) as [Given];
      const revoking = revoke();
      await client.query('COMMIT');
      client.release();
      expect((await revoking).changed).toBe(true);

      expect(given.kid).toBe(kid);
      expect(await standing(given)).toBe('revoked');
      expect(await standing(given, Number.MAX_SAFE_INTEGER)).toBe('revoked');
      const generation = what === 'refresh' ? 2 : 1;
      const next = await ledger.database.callAlone<Given>('rotate_families', tenantId, { ...rotate, generation });
      expect(next.outcome).toBe('rotated');
      expect(next.kid).not.toBe(kid);
      expect(await standing(next)).toBeNull();
    },
  );

  it('by two admins at once is done once', async () => {
    const { tenantId, revoke } = await setUp();
    const results = await Promise.all([revoke(), revoke(), revoke()]);
    expect(results.filter(({ changed }) => changed)).toHaveLength(1);
    const states = await ledger.database.asTenant(tenantId, (tx) =>
      tx.selectFrom('signing_keys').select('state').where('tenant_id', '=', tenantId).orderBy('created_seq').execute(),
    );
    expect(states).toEqual([{ state: 'revoked' }, { state: 'active' }]);
  });
});
