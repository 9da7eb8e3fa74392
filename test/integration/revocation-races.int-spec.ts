import { createHash } from 'node:crypto';
import { defaultPolicy, policySet, type PolicySettings, type RevocationTarget } from '@grantkeeper/domain';
import { onAppendRetried, openPool } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import {
  ResumeAccess,
  ResumeAccessHandler,
  RevokeAccess,
  RevokeAccessHandler,
  SuspendAccess,
  SuspendAccessHandler,
} from '@grantkeeper/revocation';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type pg from 'pg';
import { MisusedFamilies } from '../../apps/worker/src/jobs/misused-families.ts';
import { actor, openLedger, type TestLedger } from '../support/ledger.ts';
import { issueCode, makeLink, type TestLink } from '../support/link.ts';

let ledger: TestLedger;
let pool: pg.Pool;
beforeAll(async () => {
  ledger = await openLedger();
  pool = openPool(ledger.url, 'service', { max: 8 });
});
afterAll(async () => {
  await pool.end();
  await ledger.close();
});

interface Redeemed {
  outcome: string;
  familyId: string;
  seq: number;
  because?: string;
}

const kinds = {
  grant: ({ grantId }) => ({ kind: 'grant', grantId }),
  user: ({ userId }) => ({ kind: 'user', userId }),
  client: ({ clientId }) => ({ kind: 'client', clientId }),
  resource: ({ resourceId }) => ({ kind: 'resource', resourceId }),
  tenant: () => ({ kind: 'tenant' }),
  'user and client': ({ userId, clientId }) => ({ kind: 'pair', userId, clientId }),
  'user and resource': ({ userId, resourceId }) => ({ kind: 'pair', userId, resourceId }),
  'client and resource': ({ clientId, resourceId }) => ({ kind: 'pair', clientId, resourceId }),
  'user, client and resource': ({ userId, clientId, resourceId }) => ({ kind: 'pair', userId, clientId, resourceId }),
} satisfies Record<string, (link: TestLink) => RevocationTarget>;

/** Answers the position of the revocation. */
async function revoke({ tenantId }: TestLink, target: RevocationTarget): Promise<number> {
  const handler = new RevokeAccessHandler(ledger.database, ledger.store);
  const { changed, position } = await handler.execute(new RevokeAccess(tenantId, { target, because: 'admin', actor }));
  expect(changed).toBe(true);
  return position.seq;
}

async function setUp() {
  const tenantId = await ledger.tenant();
  const link = await makeLink(ledger, tenantId);
  const head = await headOf(link);
  const redeemed = await ledger.database.callAlone<Redeemed>(
    'redeem_codes',
    tenantId,
    await issueCode(ledger, link, head),
  );
  const salt = await ledger.database.asTenant(tenantId, (tx) =>
    tx.selectFrom('families').select('salt').where('family_id', '=', redeemed.familyId).executeTakeFirstOrThrow(),
  );
  const inner = createHash('sha256').update('any').digest();
  const tag = createHash('sha256').update(salt.salt).update(inner).digest('hex');
  const rotate = {
    familyId: redeemed.familyId,
    generation: 1,
    inner: inner.toString('hex'),
    tag,
    clientId: link.clientId,
    authMethod: 'none',
    secretHash: null,
    fingerprint: 'f',
    resource: null,
  };
  return { tenantId, link, redeemed, rotate, code: await issueCode(ledger, link, head) };
}

async function headOf({ tenantId }: { tenantId: string }): Promise<number> {
  const rows = await ledger.database.relay<{ seq: number }>('SELECT seq FROM heads WHERE tenant_id = $1', [tenantId]);
  return rows[0]!.seq;
}

async function standing(
  { tenantId, grantId }: TestLink,
  token: { familyId: string; seq: number },
  tokenId = 't',
): Promise<string | null> {
  return ledger.database.call('access_standing', tenantId, {
    grantId,
    familyId: token.familyId,
    tokenId,
    epoch: 1,
    seq: token.seq,
  });
}

/** Runs `first` in a transaction that stays open, then `second`; shows that `second` waits, then commits `first`. */
async function whileOpen<First, Second>(
  first: (client: pg.PoolClient) => Promise<First>,
  second: () => Promise<Second>,
): Promise<[First, Second]> {
  const client = await pool.connect();
  await client.query('BEGIN');
  const result = await first(client);
  let done = false;
  const waiting = second().finally(() => {
    done = true;
  });
  await untilSomeoneWaits();
  expect(done).toBe(false);
  await client.query('COMMIT');
  client.release();
  return [result, await waiting];
}

async function untilSomeoneWaits(): Promise<void> {
  for (;;) {
    const { rows } = await pool.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM pg_locks WHERE NOT granted AND locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    );
    if (rows[0]!.n > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const call = (client: pg.PoolClient, name: string, tenantId: string, input: object) =>
  client
    .query<{ r: Redeemed }>(`SELECT ${name}($1, $2)->'answers'->0 AS r`, [tenantId, JSON.stringify([input])])
    .then(({ rows }) => rows[0]!.r);

describe.each(Object.entries(kinds))('a revocation of the %s', (_kind, target) => {
  it('that comes while a refresh is under way waits for it, and kills what it gave', async () => {
    const { tenantId, link, rotate } = await setUp();
    const [rotated, revoked] = await whileOpen(
      (client) => call(client, 'rotate_families', tenantId, rotate),
      () => revoke(link, target(link)),
    );
    expect(rotated.outcome).toBe('rotated');
    // The position was read before, or under the same fence as, every check: the token is older than the revocation.
    expect(rotated.seq).toBeLessThan(revoked);
    expect(await standing(link, rotated)).toBe('revoked');
  });

  it('that comes while a code is exchanged waits for it, and kills what it gave', async () => {
    const { tenantId, link, code } = await setUp();
    const [exchanged, revoked] = await whileOpen(
      (client) => call(client, 'redeem_codes', tenantId, code),
      () => revoke(link, target(link)),
    );
    expect(exchanged.outcome).toBe('redeemed');
    expect(exchanged.seq).toBeLessThan(revoked);
    expect(await standing(link, exchanged)).toBe('revoked');
  });

  it('lets no refresh and no exchange commit after it', async () => {
    const { tenantId, link, rotate, code, redeemed } = await setUp();
    expect(await standing(link, redeemed)).toBeNull();
    await revoke(link, target(link));
    expect(await ledger.database.callAlone('rotate_families', tenantId, rotate)).toMatchObject({
      outcome: 'invalid_grant',
      because: 'revoked',
    });
    expect(await ledger.database.callAlone('redeem_codes', tenantId, code)).toMatchObject({
      outcome: 'invalid_grant',
      because: 'revoked',
    });
    expect(await standing(link, redeemed)).toBe('revoked');
  });
});

describe('a revocation of one installation', () => {
  it('that comes while it is refreshed waits for it, and kills what it gave', async () => {
    const { tenantId, link, rotate, redeemed } = await setUp();
    const target = { kind: 'family', grantId: link.grantId, familyId: redeemed.familyId } as const;
    const [rotated] = await whileOpen(
      (client) => call(client, 'rotate_families', tenantId, rotate),
      () => revoke(link, target),
    );
    expect(await standing(link, rotated)).toBe('revoked');
    expect(await ledger.database.callAlone('rotate_families', tenantId, { ...rotate, generation: 2 })).toMatchObject({
      outcome: 'invalid_grant',
    });
  });
});

describe('a suspension', () => {
  const suspend = ({ tenantId, userId }: TestLink) =>
    new SuspendAccessHandler(ledger.database, ledger.store).execute(
      new SuspendAccess(tenantId, { target: { kind: 'user', userId }, reason: 'leave', actor }),
    );

  it('that comes while a refresh is under way waits for it, and kills what it gave; the family lives on', async () => {
    const { tenantId, link, rotate } = await setUp();
    const [rotated] = await whileOpen(
      (client) => call(client, 'rotate_families', tenantId, rotate),
      () => suspend(link),
    );
    expect(rotated.outcome).toBe('rotated');
    expect(await standing(link, rotated)).toBe('suspended');
    const next = { ...rotate, generation: 2 };
    expect(await ledger.database.callAlone('rotate_families', tenantId, next)).toMatchObject({ outcome: 'suspended' });
    const target = { kind: 'user', userId: link.userId } as const;
    await new ResumeAccessHandler(ledger.database, ledger.store).execute(new ResumeAccess(tenantId, { target, actor }));
    expect(await standing(link, rotated)).toBe('revoked');
    const resumed = await ledger.database.callAlone<Redeemed>('rotate_families', tenantId, next);
    expect(resumed.outcome).toBe('rotated');
    expect(await standing(link, resumed)).toBeNull();
  });

  it('lets no exchange of a code commit after it', async () => {
    const { tenantId, link, code } = await setUp();
    const [exchanged] = await whileOpen(
      (client) => call(client, 'redeem_codes', tenantId, code),
      () => suspend(link),
    );
    expect(await standing(link, exchanged)).toBe('suspended');
    const late = await issueCode(ledger, link, await headOf(link));
    expect(await ledger.database.callAlone('redeem_codes', tenantId, late)).toMatchObject({ because: 'suspended' });
  });
});

describe('a revocation of one access token', () => {
  it('that comes while its installation is refreshed ends it, and not what the refresh gave', async () => {
    const { tenantId, link, rotate, redeemed } = await setUp();
    const target = { kind: 'token', grantId: link.grantId, familyId: redeemed.familyId, tokenId: 'stolen' } as const;
    const [rotated] = await whileOpen(
      (client) => call(client, 'rotate_families', tenantId, rotate),
      () => revoke(link, target),
    );
    expect(await standing(link, rotated, 'stolen')).toBe('revoked');
    expect(await standing(link, rotated, 'another')).toBeNull();
  });
});

describe('a revocation of a pair', () => {
  it.each(Object.entries(kinds).filter(([name]) => name.includes(' ')))(
    'leaves those alone that it names only in part: %s',
    async (name, target) => {
      const [{ link, redeemed }, other] = [await setUp(), await setUp()];
      await revoke(other.link, target(other.link));
      expect(await standing(link, redeemed)).toBeNull();
      const parties = (['userId', 'clientId', 'resourceId'] as const).filter((party) =>
        name.includes(party.slice(0, -2)),
      );
      for (const party of parties) {
        // The same tenant, and all but one of those that are named.
        const second = await makeLink(ledger, link.tenantId);
        await revoke(link, target({ ...link, [party]: second[party] }));
        expect(await standing(link, redeemed)).toBeNull();
      }
      await revoke(link, target(link));
      expect(await standing(link, redeemed)).toBe('revoked');
    },
  );

  it('may be repeated, and then ends what was born since', async () => {
    const { tenantId, link } = await setUp();
    const target = { kind: 'pair', clientId: link.clientId, resourceId: link.resourceId } as const;
    const first = await revoke(link, target);
    const code = await issueCode(ledger, link, first);
    expect(await ledger.database.callAlone('redeem_codes', tenantId, code)).toMatchObject({ outcome: 'redeemed' });
    const late = await issueCode(ledger, link, first);
    expect(await revoke(link, target)).toBeGreaterThan(first);
    expect(await ledger.database.callAlone('redeem_codes', tenantId, late)).toMatchObject({ because: 'revoked' });
  });

  it('names two parties at least, and only those that there are', async () => {
    const { link } = await setUp();
    const { userId, clientId } = link;
    const refused: Array<[RevocationTarget, string]> = [
      [{ kind: 'pair', userId }, 'pair_of_one'],
      [{ kind: 'pair', userId, clientId: 'gkd_nobody' }, 'client_not_found'],
      [{ kind: 'pair', clientId, userId: link.grantId }, 'user_not_found'],
      [{ kind: 'pair', clientId, resourceId: link.grantId }, 'resource_not_found'],
    ];
    for (const [target, code] of refused)
      await expect(revoke(link, target)).rejects.toMatchObject({ code: `revocation.${code}` });
  });
});

describe('two installations of a link', () => {
  it('do not disturb each other: one that is added while the last other one ends keeps the link', async () => {
    const { tenantId, link, redeemed, code } = await setUp();
    const handler = new RevokeAccessHandler(ledger.database, ledger.store);
    const target = { kind: 'family', grantId: link.grantId, familyId: redeemed.familyId } as const;
    const [added] = await whileOpen(
      (client) => call(client, 'redeem_codes', tenantId, code),
      () => handler.execute(new RevokeAccess(tenantId, { target, because: 'client', actor })),
    );
    expect(await standing(link, redeemed)).toBe('revoked');
    expect(await standing(link, added)).toBeNull();
  });
});

describe('rotation', () => {
  it('gives a generation one successor, however many ask for it at once', async () => {
    const { tenantId, rotate } = await setUp();
    const results = await Promise.all(
      Array.from({ length: 8 }, () =>
        ledger.database.callAlone<{ outcome: string; generation: number }>('rotate_families', tenantId, rotate),
      ),
    );
    expect(results.filter((result) => result.outcome === 'rotated')).toHaveLength(1);
    expect(new Set(results.map((result) => result.generation))).toEqual(new Set([2]));
  });

  async function setPolicy(tenantId: TenantId, changes: Partial<PolicySettings>): Promise<void> {
    const row = await ledger.database.asTenant(tenantId, (tx) =>
      tx.selectFrom('policies').selectAll().where('tenant_id', '=', tenantId).executeTakeFirstOrThrow(),
    );
    await ledger.store.append({
      tenantId,
      actor,
      events: [policySet.on(tenantId, { settings: { ...defaultPolicy, ...changes } })],
      current: [{ table: 'policies', row: { ...row } }],
    });
  }

  it.each([
    ['too_often', { refreshReplaysMax: 3 }],
    ['superseded', {}],
    ['late', { refreshGraceSeconds: 0 }],
    ['other_software', { refreshReplayBy: 'same_software' }],
  ] as const)('takes a predecessor for stolen: %s (AS-31)', async (how, policy) => {
    const { tenantId, rotate, link, redeemed } = await setUp();
    await setPolicy(tenantId, policy);
    const rotated = (generation: number) =>
      ledger.database.callAlone('rotate_families', tenantId, { ...rotate, generation });
    await rotated(1);
    if (how === 'too_often')
      for (let n = 0; n < 3; n += 1) expect(await rotated(1)).toMatchObject({ outcome: 'replayed', generation: 2 });
    if (how === 'superseded') await rotated(2);
    const again = { ...rotate, ...(how === 'other_software' && { fingerprint: 'other' }) };
    expect(await ledger.database.callAlone('rotate_families', tenantId, again)).toMatchObject({
      outcome: 'reuse',
      because: 'refresh_token_reused',
      evidence: { how, presented: 1, current: how === 'superseded' ? 3 : 2 },
    });
    // Whoever saw it may die before it records the revocation: the family is dead all the same, and all say why.
    expect(await rotated(2)).toMatchObject({ outcome: 'reuse', because: 'refresh_token_reused' });
    expect(await standing(link, redeemed)).toBe('revoked');
  });

  it('takes a repetition by other software of the same client for a lost answer, and notes it', async () => {
    const { tenantId, rotate } = await setUp();
    await ledger.database.callAlone('rotate_families', tenantId, rotate);
    expect(
      await ledger.database.callAlone('rotate_families', tenantId, { ...rotate, fingerprint: 'another version' }),
    ).toMatchObject({ outcome: 'replayed', generation: 2 });
    const noted = await ledger.database.asTenant(tenantId, (tx) =>
      tx.selectFrom('activity').select('detail').where('what', '=', 'token.replayed').execute(),
    );
    expect(noted).toEqual([{ detail: { generation: 2, software: 'other' } }]);
  });

  it.each([
    ['for another resource', { resource: 'https://elsewhere.example/mcp' }],
    ['for a wider scope', { scopes: ['everything'] }],
  ])('sees a reuse also in a request %s (AS-31)', async (_what, wrong) => {
    const { tenantId, rotate } = await setUp();
    await ledger.database.callAlone('rotate_families', tenantId, rotate);
    await ledger.database.callAlone('rotate_families', tenantId, { ...rotate, generation: 2 });
    expect(await ledger.database.callAlone('rotate_families', tenantId, { ...rotate, ...wrong })).toMatchObject({
      outcome: 'reuse',
    });
  });

  it.each(['family', 'grant'] as const)(
    'of which a reuse was seen and not recorded is ended later: the %s',
    async (ends) => {
      const { tenantId, rotate, link, code } = await setUp();
      await setPolicy(tenantId, { refreshReuseEnds: ends });
      const other = await ledger.database.callAlone<Redeemed>('redeem_codes', tenantId, code);
      for (const generation of [1, 2, 1])
        await ledger.database.callAlone('rotate_families', tenantId, { ...rotate, generation });
      await new MisusedFamilies(ledger.database, ledger.store).end(tenantId);
      await new MisusedFamilies(ledger.database, ledger.store).end(tenantId);
      const events = await ledger.database.asTenant(tenantId, (tx) =>
        tx.selectFrom('events').select(['type', 'payload']).where('type', 'like', '%Revoked').execute(),
      );
      expect(events).toEqual([
        {
          type: ends === 'family' ? 'FamilyRevoked' : 'GrantRevoked',
          payload: expect.objectContaining({ grantId: link.grantId, because: 'refresh_token_reused' }),
        },
      ]);
      expect(await standing(link, other)).toBe(ends === 'family' ? null : 'revoked');
    },
  );

  it('knows neither a generation to come, nor another tag, nor another client', async () => {
    const { tenantId, rotate } = await setUp();
    for (const forged of [{ generation: 2 }, { tag: 'ab'.repeat(32) }]) {
      expect(await ledger.database.callAlone('rotate_families', tenantId, { ...rotate, ...forged })).toMatchObject({
        outcome: 'invalid_grant',
      });
    }
    expect(
      await ledger.database.callAlone('rotate_families', tenantId, { ...rotate, clientId: 'gkd_other' }),
    ).toMatchObject({
      outcome: 'invalid_client',
    });
  });
});

describe('an authorization code', () => {
  it('that comes again with its verifier kills what it gave, also when nobody lives to record it (AS-23)', async () => {
    const { tenantId, link, code } = await setUp();
    const given = await ledger.database.callAlone<Redeemed>('redeem_codes', tenantId, code);
    expect(await ledger.database.callAlone('redeem_codes', tenantId, { ...code, challenge: 'wrong' })).toMatchObject({
      because: 'wrong_verifier',
    });
    expect(await standing(link, given)).toBeNull();
    expect(await ledger.database.callAlone('redeem_codes', tenantId, code)).toMatchObject({ outcome: 'replayed' });
    expect(await standing(link, given)).toBe('revoked');
  });

  it('is redeemed once, however often it comes at once', async () => {
    const { tenantId, code } = await setUp();
    const results = await Promise.all(
      Array.from({ length: 6 }, () => ledger.database.callAlone<Redeemed>('redeem_codes', tenantId, code)),
    );
    expect(results.map((result) => result.outcome).sort()).toEqual([
      'redeemed',
      'replayed',
      'replayed',
      'replayed',
      'replayed',
      'replayed',
    ]);
  });
});

describe('a revocation', () => {
  it('is made all the same when the fence is held for longer than a lock is waited for', async () => {
    const { link } = await setUp();
    const holder = await pool.connect();
    let forget = (): void => undefined;
    try {
      await holder.query('BEGIN');
      await holder.query('SELECT take_fence($1, false)', [link.tenantId]);
      const triedAgain = new Promise<void>((resolve) => (forget = onAppendRetried(() => resolve())));
      const revoking = revoke(link, kinds.grant(link));
      await Promise.race([triedAgain, revoking]);
      await holder.query('COMMIT');
      expect(await revoking).toBeGreaterThan(0);
    } finally {
      forget();
      holder.release(true);
    }
  });
});
