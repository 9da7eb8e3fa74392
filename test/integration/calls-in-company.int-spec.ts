import { createHash, randomBytes } from 'node:crypto';
import { inFull, type SharingAnswers } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { openLedger, type TestLedger } from '../support/ledger.ts';
import { issueCode, makeLink, type TestLink } from '../support/link.ts';

let ledger: TestLedger;
let owner: pg.Pool;

beforeAll(async () => {
  ledger = await openLedger();
  owner = new pg.Pool({ connectionString: ledger.url, max: 1 });
});
afterAll(async () => {
  await owner.end();
  await ledger.close();
});

/** One statement of all of them. */
async function inCompany<Answer = { outcome: string; because?: string }>(
  name: string,
  tenantId: TenantId,
  inputs: readonly object[],
): Promise<Answer[]> {
  return inFull<Answer>(await ledger.database.call<SharingAnswers>(name, tenantId, inputs));
}

const outcomes = (answers: readonly { outcome: string; because?: string }[]): string[] =>
  answers.map(({ outcome, because }) => (because === undefined ? outcome : `${outcome}: ${because}`));

interface Exchange {
  readonly codeHash: string;
  readonly familyId: string;
  readonly salt: string;
}

async function codeOf(link: TestLink): Promise<Exchange> {
  const { rows } = await owner.query<{ seq: string }>('SELECT seq FROM heads WHERE tenant_id = $1', [link.tenantId]);
  return (await issueCode(ledger, link, Number(rows[0]!.seq))) as Exchange;
}

/** A refresh of a family that a code of the link has just begun. */
async function refreshOf(link: TestLink): Promise<{ familyId: string; tag: string }> {
  const code = await codeOf(link);
  expect(await ledger.database.callAlone('redeem_codes', link.tenantId, code)).toMatchObject({ outcome: 'redeemed' });
  const inner = randomBytes(32);
  const tag = createHash('sha256').update(Buffer.from(code.salt, 'hex')).update(inner).digest('hex');
  const client = { clientId: link.clientId, authMethod: 'none', secretHash: null, fingerprint: 'f' };
  return {
    ...client,
    familyId: code.familyId,
    generation: 1,
    inner: inner.toString('hex'),
    tag,
    resource: null,
    proof: null,
  } as never;
}

/** From now on the client has a secret. */
async function giveSecret(link: TestLink): Promise<string> {
  const hash = randomBytes(32);
  await owner.query(
    `UPDATE clients SET metadata = metadata || '{"token_endpoint_auth_method": "client_secret_basic"}' WHERE client_id = $1`,
    [link.clientId],
  );
  await owner.query('INSERT INTO client_secrets (tenant_id, client_id, secret_hash) VALUES ($1, $2, $3)', [
    link.tenantId,
    link.clientId,
    hash,
  ]);
  return hash.toString('hex');
}

async function generations(familyIds: readonly string[]): Promise<number[]> {
  const { rows } = await owner.query<{ generation: number }>(
    `SELECT f.generation FROM unnest($1::uuid[]) WITH ORDINALITY a (id, n) JOIN families f ON f.family_id = a.id ORDER BY a.n`,
    [familyIds],
  );
  return rows.map(({ generation }) => generation);
}

describe('a call that leaves something out', () => {
  it('is refused as one that says something wrong', async () => {
    const tenantId = await ledger.tenant();
    const link = await makeLink(ledger, tenantId);
    const without = (input: object, ...names: string[]): object =>
      Object.fromEntries(Object.entries(input).filter(([name]) => !names.includes(name)));
    const refresh = await refreshOf(link);
    const refreshes = [['inner'], ['tag'], ['inner', 'tag'], ['generation']].map((names) => without(refresh, ...names));
    const refused = 'invalid_grant: not_this_family';
    for (const input of refreshes)
      expect(outcomes(await inCompany('rotate_families', tenantId, [input]))).toEqual([refused]);
    for (const names of [['inner'], ['clientId']])
      expect(await ledger.database.call('own_family', tenantId, without(refresh, ...names))).toMatchObject({
        outcome: expect.stringMatching(/^(not_own|invalid_client)$/),
      });
    const code = await codeOf(link);
    const exchanges = [['challenge'], ['clientId']].map((names) => without(code, ...names));
    expect(
      outcomes([
        ...(await inCompany<{ outcome: string }>('redeem_codes', tenantId, [exchanges[0]!])),
        ...(await inCompany<{ outcome: string }>('redeem_codes', tenantId, [exchanges[1]!])),
      ]),
    ).toEqual(['invalid_grant: wrong_verifier', 'invalid_client: unknown_client']);
    expect(await ledger.database.callAlone('rotate_families', tenantId, refresh)).toMatchObject({ outcome: 'rotated' });
    expect(await ledger.database.callAlone('redeem_codes', tenantId, code)).toMatchObject({ outcome: 'redeemed' });
  });

  it('registers nobody where nothing says who may', async () => {
    const tenantId = await ledger.tenant();
    await owner.query('DELETE FROM policies WHERE tenant_id = $1', [tenantId]);
    const registration = {
      clientId: 'gkd_nobody',
      subjects: [],
      metadata: {},
      metadataDigest: 'd',
      decidedAt: null,
      tokenId: null,
    };
    expect(outcomes(await inCompany('register_clients', tenantId, [registration]))).toEqual(['decide']);
  });
});

describe('refreshes in one statement', () => {
  it('are each decided as if they were alone', async () => {
    const tenantId = await ledger.tenant();
    const [one, other] = [await makeLink(ledger, tenantId), await makeLink(ledger, tenantId)];
    const [a, b, e] = [await refreshOf(one), await refreshOf(one), await refreshOf(one)];
    const [c, d] = [await refreshOf(other), await refreshOf(other)];
    const secretHash = await giveSecret(other);
    const proven = { authMethod: 'client_secret_basic', secretHash };
    const answers = await inCompany('rotate_families', tenantId, [
      a,
      { ...a, tag: randomBytes(32).toString('hex') },
      { ...c, ...proven },
      { ...d, ...proven, secretHash: randomBytes(32).toString('hex') },
      { ...d, secretHash: null, authMethod: 'none' },
      { ...a, familyId: uuidv7() },
      { ...b, clientId: other.clientId, ...proven },
      { ...b, clientId: `${secretHash} ${other.clientId}` },
      { ...e, resource: 'https://other.example/mcp' },
    ]);
    expect(outcomes(answers)).toEqual([
      'rotated',
      'invalid_grant: not_this_family',
      'rotated',
      'invalid_client: wrong_secret',
      'invalid_client: secret_required',
      'invalid_grant: unknown_family',
      'invalid_grant: not_this_family',
      'invalid_client: unknown_client',
      'invalid_target',
    ]);
    // Each with what is its own: client, resource, link.
    expect(answers[0]).toMatchObject({ grantId: one.grantId, clientId: one.clientId, resourceId: one.resourceId });
    expect(answers[2]).toMatchObject({
      grantId: other.grantId,
      clientId: other.clientId,
      resourceId: other.resourceId,
    });
    expect(await generations([a, b, c, d].map(({ familyId }) => familyId))).toEqual([2, 1, 2, 1]);
    const { rows } = await owner.query(
      `SELECT family_id FROM activity WHERE tenant_id = $1 AND what = 'token.refreshed' ORDER BY family_id`,
      [tenantId],
    );
    expect(rows.map((row: { family_id: string }) => row.family_id)).toEqual([a.familyId, c.familyId].sort());
  });

  it('of one family are done one by one: the second comes again, and is not what the first makes of it', async () => {
    const tenantId = await ledger.tenant();
    const refresh = await refreshOf(await makeLink(ledger, tenantId));
    const answers = await inCompany<{ outcome: string }>('rotate_families', tenantId, [refresh, refresh, refresh]);
    expect(outcomes(answers)).toEqual(['rotated', 'alone', 'alone']);
    expect(await generations([refresh.familyId])).toEqual([2]);
  });

  it('mark every reuse among them, and no other family', async () => {
    const tenantId = await ledger.tenant();
    const link = await makeLink(ledger, tenantId);
    const [a, b, c] = [await refreshOf(link), await refreshOf(link), await refreshOf(link)];
    for (const generation of [1, 2])
      await inCompany(
        'rotate_families',
        tenantId,
        [a, b, c].map((each) => ({ ...each, generation })),
      );
    const answers = await inCompany('rotate_families', tenantId, [a, { ...b, generation: 3 }, c]);
    expect(outcomes(answers)).toEqual(['reuse: refresh_token_reused', 'rotated', 'reuse: refresh_token_reused']);
    const { rows } = await owner.query<{ family_id: string }>(
      'SELECT family_id FROM families WHERE tenant_id = $1 AND misused_because IS NOT NULL',
      [tenantId],
    );
    expect(rows.map((row) => row.family_id).sort()).toEqual([a.familyId, c.familyId].sort());
  });
});

describe('codes redeemed in one statement', () => {
  it('are each decided as if they were alone', async () => {
    const tenantId = await ledger.tenant();
    const [one, other] = [await makeLink(ledger, tenantId), await makeLink(ledger, tenantId)];
    const [a, b, c, used, old] = [
      await codeOf(one),
      await codeOf(other),
      await codeOf(one),
      await codeOf(one),
      await codeOf(one),
    ];
    await ledger.database.callAlone('redeem_codes', tenantId, used);
    await owner.query('UPDATE authorization_codes SET expires_at = now() WHERE code_hash = $1', [
      Buffer.from(old.codeHash, 'hex'),
    ]);
    const answers = await inCompany('redeem_codes', tenantId, [
      a,
      b,
      { ...c, challenge: 'another' },
      { ...c, clientId: other.clientId },
      { ...used, familyId: uuidv7() },
      old,
      { ...a, familyId: uuidv7() },
      { ...c, codeHash: randomBytes(32).toString('hex') },
    ]);
    expect(outcomes(answers)).toEqual([
      'redeemed',
      'redeemed',
      'invalid_grant: wrong_verifier',
      'invalid_grant: unknown_code',
      'alone',
      'invalid_grant: expired_code',
      'alone',
      'invalid_grant: unknown_code',
    ]);
    expect(answers.slice(0, 2)).toMatchObject([
      { grantId: one.grantId, clientId: one.clientId, familyId: a.familyId },
      { grantId: other.grantId, clientId: other.clientId, familyId: b.familyId },
    ]);
    expect(await generations([a.familyId, b.familyId])).toEqual([1, 1]);
    // By itself it is what it is: a replay, that marks what it gave.
    expect(await ledger.database.callAlone('redeem_codes', tenantId, { ...a, familyId: uuidv7() })).toMatchObject({
      outcome: 'replayed',
      familyId: a.familyId,
    });
  });
});

/** Resolves when somebody waits for a transaction to end. */
async function untilSomebodyWaits(): Promise<void> {
  for (;;) {
    const { rows } = await owner.query<{ n: number }>(
      "SELECT count(*)::int AS n FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'",
    );
    if (rows[0]!.n > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('a client that proves itself by an assertion', () => {
  it.each(['families', 'authorization_codes'] as const)(
    'holds none of its %s while it waits for another use of the assertion to end',
    async (table) => {
      const tenantId = await ledger.tenant();
      const link = await makeLink(ledger, tenantId);
      const call =
        table === 'families'
          ? (['rotate_families', await refreshOf(link)] as const)
          : (['redeem_codes', await codeOf(link)] as const);
      await owner.query(
        `UPDATE clients SET metadata = metadata || '{"token_endpoint_auth_method": "private_key_jwt"}' WHERE client_id = $1`,
        [link.clientId],
      );
      const jti = randomBytes(32);
      const assertion = {
        metadataDigest: 'd',
        jtiHash: jti.toString('hex'),
        forgettableAt: Math.ceil(Date.now() / 1000) + 60,
      };
      const other = new pg.Client({ connectionString: ledger.url });
      await other.connect();
      try {
        await other.query('BEGIN');
        await other.query(
          "INSERT INTO client_assertions (tenant_id, client_id, jti_hash, expires_at) VALUES ($1, $2, $3, now() + interval '1 minute')",
          [tenantId, link.clientId, jti],
        );
        const [name, input] = call;
        const proven = { ...input, authMethod: 'private_key_jwt', assertion };
        const answering = ledger.database.callAlone(name, tenantId, proven);
        await untilSomebodyWaits();
        // Otherwise two requests of this client could wait for each other, and revocations for both.
        await owner.query(`SELECT FROM ${table} WHERE tenant_id = $1 FOR UPDATE NOWAIT`, [tenantId]);
        await other.query('COMMIT');
        expect(await answering).toEqual({ outcome: 'invalid_client', because: 'assertion_replayed' });
      } finally {
        await other.end();
      }
    },
  );
});

describe('what requests for authorization are decided on, in one statement', () => {
  it('is for each what it is alone', async () => {
    const tenantId = await ledger.tenant();
    const [one, other] = [await makeLink(ledger, tenantId), await makeLink(ledger, tenantId)];
    const sessions = await Promise.all(
      [one, other].map(async ({ userId }) => {
        const hash = randomBytes(32);
        await owner.query(
          `INSERT INTO sessions (tenant_id, session_hash, session_id, user_id, born_epoch, born_seq, auth_time, amr, expires_at)
           VALUES ($1, $2, gen_random_uuid(), $3, 1, 1000, now(), '{pwd}', now() + interval '1 hour')`,
          [tenantId, hash, userId],
        );
        return hash.toString('hex');
      }),
    );
    await owner.query(`INSERT INTO unique_facts (tenant_id, kind, value, holder) VALUES ($1, 'grant.slot', $2, $3)`, [
      tenantId,
      `${one.userId} ${one.resourceId} ${one.clientId}`,
      one.grantId,
    ]);
    const at = new Date().toISOString();
    const requests = [one.clientId, other.clientId, 'nobody', 'https://client.example/metadata'].flatMap((clientId) =>
      [...sessions, null, randomBytes(32).toString('hex')].flatMap((sessionHash) =>
        [false, true].map((withKeys) => ({ clientId, sessionHash, at, withKeys })),
      ),
    );
    const same = async (): Promise<object[]> => {
      const together = await inCompany<object>('authorize_contexts', tenantId, requests);
      const alone = await Promise.all(
        requests.map((request) => ledger.database.callAlone<object>('authorize_contexts', tenantId, request)),
      );
      expect(together).toEqual(alone);
      return together;
    };
    const before = await same();
    expect(before[0]).toMatchObject({
      session: { userId: one.userId },
      client: { client_id: one.clientId },
      grants: [{ grant_id: one.grantId }],
      slots: { [one.resourceId]: one.grantId },
    });
    // The other person with the first one's client: no link, no slot.
    expect(before[2]).toMatchObject({ session: { userId: other.userId }, grants: [], slots: {} });
    expect(before[4]).not.toHaveProperty('session');
    // What was ended for a person, or for a combination, is theirs alone.
    await owner.query('UPDATE users SET revoked_seq = 7 WHERE user_id = $1', [one.userId]);
    await owner.query(
      `INSERT INTO pair_watermarks (tenant_id, pair_id, user_id, client_id, resource_id, revoked_seq, stream_version)
       VALUES ($1, 'p', $2, $3, '*', 9, 1)`,
      [tenantId, other.userId, one.clientId],
    );
    const after = (await same()) as { resources: { watermark: number }[] }[];
    const watermarks = (index: number): Set<number> =>
      new Set(after[index]!.resources.map(({ watermark }) => watermark));
    expect([0, 2, 4, 8, 10].map(watermarks)).toEqual([7, 9, 0, 7, 0].map((value) => new Set([value])));
  });
});
