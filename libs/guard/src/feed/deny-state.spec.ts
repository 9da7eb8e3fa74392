import fc from 'fast-check';
import type { AccessTokenClaims } from '../access-token-claims.ts';
import { DenyState, tokenNames } from './deny-state.ts';
import type { FeedEntry, RevokedNames } from './feed-entry.ts';

const claims: AccessTokenClaims = {
  issuer: 'https://auth.example.com/t/acme',
  audience: 'https://mcp.example.com/t/acme/mcp',
  subject: 'ada',
  clientId: 'https://client.example/metadata.json',
  scopes: [],
  tokenId: 'token-1',
  tenant: 'acme',
  grantId: 'grant-1',
  familyId: 'family-1',
  epoch: 1,
  seq: 10,
  issuedAt: 0,
  expiresAt: 600,
  notBefore: undefined,
  authTime: undefined,
  keyThumbprint: undefined,
  keyId: 'key-1',
};
const entry = (names: RevokedNames, changes: Partial<FeedEntry> = {}): FeedEntry => ({
  number: 1,
  prev: 0,
  tenant: 'acme',
  epoch: 1,
  seq: 11,
  kind: 'any',
  names,
  until: 4_000,
  ...changes,
});
const denied = (entries: readonly FeedEntry[], token: Partial<AccessTokenClaims> = {}): boolean => {
  const state = new DenyState();
  for (const one of entries) state.apply(one);
  return state.denies(tokenNames({ ...claims, ...token }));
};

const { audience: resource, clientId: client, subject: sub } = claims;
const kinds: [string, RevokedNames][] = [
  ['the token', { token: 'token-1' }],
  ['its family', { family: 'family-1' }],
  ['its grant', { grant: 'grant-1' }],
  ['its person', { sub }],
  ['its client', { client }],
  ['its resource', { resource }],
  ['its tenant', {}],
  ['person and client', { sub, client }],
  ['person and resource', { sub, resource }],
  ['client and resource', { client, resource }],
  ['person, client and resource', { sub, client, resource }],
];

describe('DenyState', () => {
  it.each(kinds)('denies a token when %s was revoked above its position, and not below it', (_name, names) => {
    expect(denied([entry(names, { seq: 11 })])).toBe(true);
    expect(denied([entry(names, { seq: 10 })])).toBe(false);
    expect(denied([entry(names, { seq: 9 })])).toBe(false);
    expect(denied([entry(names, { seq: 11 })], { seq: 11 })).toBe(false);
  });

  it.each(kinds)('denies nothing of another tenant by %s', (_name, names) => {
    expect(denied([entry(names, { tenant: 'other' })])).toBe(false);
  });

  it.each<[string, RevokedNames]>([
    ['another person', { sub: 'bob' }],
    ['another client', { client: 'x' }],
    ['another grant', { grant: 'grant-2' }],
    ['the person with another client', { sub, client: 'x' }],
    ['a grant that is called as the person is', { grant: sub }],
    ['a name that is made to look like a pair', { sub: `${sub}/c${client}` }],
  ])('does not deny it for %s', (_name, names) => {
    expect(denied([entry(names)])).toBe(false);
  });

  it('denies whatever a revoked key has signed, whatever position the token claims', () => {
    const key = entry({ kid: 'key-1' }, { until: null });
    expect(denied([key], { seq: 1_000_000 })).toBe(true);
    expect(denied([key], { keyId: 'key-2' })).toBe(false);
    expect(denied([key], { tenant: 'other' })).toBe(false);
  });

  it('denies tokens of every epoch but the current one', () => {
    const state = new DenyState();
    expect(state.denies(tokenNames({ ...claims, epoch: 2 }))).toBe(true);
    state.setEpoch('acme', 2);
    expect(state.denies(tokenNames(claims))).toBe(true);
    expect(state.denies(tokenNames({ ...claims, epoch: 2 }))).toBe(false);
    state.setEpoch('acme', 1);
    expect(state.denies(tokenNames(claims))).toBe(true);
    expect(state.denies(tokenNames({ ...claims, tenant: 'other' }))).toBe(false);
  });

  it('is the same whatever the order of the entries, and however often they come', () => {
    const name = fc.constantFrom<RevokedNames>(...kinds.map(([, names]) => names), { sub: 'bob' });
    const entries = fc.array(fc.record({ names: name, seq: fc.integer({ min: 1, max: 20 }) }), { maxLength: 12 });
    fc.assert(
      fc.property(entries, fc.integer({ min: 1, max: 20 }), fc.infiniteStream(fc.nat()), (some, seq, random) => {
        const inOrder = some.map((one) => entry(one.names, { seq: one.seq }));
        const shuffled = [...inOrder, ...inOrder.slice(0, 3)]
          .map((one) => ({ one, at: random.next().value }))
          .sort((a, b) => a.at - b.at)
          .map(({ one }) => one);
        const expected = some.some((one) => one.seq > seq && JSON.stringify(one.names) !== '{"sub":"bob"}');
        expect([denied(inOrder, { seq }), denied(shuffled, { seq })]).toEqual([expected, expected]);
      }),
    );
  });

  describe('with a clock', () => {
    const HOUR = 3_600_000;
    let passed: number;
    let state: DenyState;

    beforeEach(() => {
      passed = 0;
      state = new DenyState(() => passed);
      state.apply(entry({ grant: 'grant-1' }, { until: 4_000 }));
    });
    const denies = (): boolean => state.denies(tokenNames(claims));

    it('forgets what has outlived every token, and nothing before', () => {
      for (const now of [0, 1_000, 3_999]) {
        passed += 2 * HOUR;
        state.forget(now);
      }
      expect(denies()).toBe(true);
      for (const now of [4_001, 4_002]) state.forget(now);
      expect([denies(), state.size]).toEqual([false, 0]);
    });

    it('forgets nothing that has not been here for as long as a token lives, whatever time it is told', () => {
      for (const now of [1e6, 1e7, 1e8]) state.forget(now);
      passed += HOUR;
      for (const now of [1e6, 1e7, 1e8]) state.forget(now);
      expect(denies()).toBe(true);
      passed += 60_001;
      for (const now of [1e6, 1e7]) state.forget(now);
      expect([denies(), state.size]).toEqual([false, 0]);
    });
  });

  it('never forgets a revoked key', () => {
    let passed = 0;
    const state = new DenyState(() => passed);
    state.apply(entry({ kid: 'key-1' }, { until: null }));
    for (const now of [1e6, 1e7, 1e8]) {
      passed += 1e9;
      state.forget(now);
    }
    expect(state.denies(tokenNames(claims))).toBe(true);
  });
});
