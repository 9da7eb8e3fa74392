import { describe, expect, it } from '@jest/globals';
import { type ClientCase, judgeClient, underCeiling } from './client-admission.decider.ts';
import type { ClientRule } from './client-rule.decider.ts';

type ChangePolicy = ClientCase['settings']['clientChanges'];
const subjects = ['client:gkd_1', 'host:a.example', 'host:b.example', 'software:x'];

function given(
  clientAdmission: ClientCase['settings']['clientAdmission'],
  changes: Partial<ClientCase> = {},
): ClientCase {
  return {
    settings: { clientAdmission, clientChanges: 'consent' },
    rules: [],
    subjects,
    kind: 'dynamic',
    admitted: false,
    approved: false,
    changed: false,
    ...changes,
  };
}
const allow = (subject: string, scopes: string[] | null = null): ClientRule => ({ subject, effect: 'allow', scopes });
const block = (subject: string): ClientRule => ({ subject, effect: 'block', scopes: null });
const outcomeOf = (one: ClientCase) => judgeClient(one).outcome;

describe('the client policy of a tenant', () => {
  it('lets people link any client when it is open', () => {
    expect(outcomeOf(given('open'))).toBe('allowed');
  });

  it('asks an admin about a client that nobody knows, in review, and about no other (CIMD-23)', () => {
    expect(outcomeOf(given('review'))).toBe('review');
    expect(outcomeOf(given('review', { admitted: true }))).toBe('allowed');
    expect(outcomeOf(given('review', { approved: true }))).toBe('allowed');
  });

  it('lets people link what an admin has allowed, and nothing else, with an allow-list (CIMD-22)', () => {
    expect(outcomeOf(given('allow_list', { admitted: true }))).toBe('not_listed');
    expect(outcomeOf(given('allow_list', { admitted: true, approved: true }))).toBe('allowed');
    expect(outcomeOf(given('allow_list', { rules: [allow('client:gkd_1')] }))).toBe('allowed');
  });

  it('allows a client by its hosts only when all of them are allowed', () => {
    expect(outcomeOf(given('allow_list', { rules: [allow('host:a.example')] }))).toBe('not_listed');
    expect(outcomeOf(given('review', { rules: [allow('host:a.example')] }))).toBe('review');
    expect(outcomeOf(given('allow_list', { rules: [allow('host:a.example'), allow('host:b.example')] }))).toBe(
      'allowed',
    );
    expect(outcomeOf(given('allow_list', { subjects: ['client:x'], rules: [allow('host:a.example')] }))).toBe(
      'not_listed',
    );
  });

  it('allows what the host of its metadata document publishes', () => {
    const client = ['client:https://a.example/c', 'host:127.0.0.1', 'publisher:a.example'];
    expect(outcomeOf(given('allow_list', { subjects: client, rules: [allow('publisher:a.example')] }))).toBe('allowed');
  });

  it('compares exactly: no part of a name, no sub-domain', () => {
    for (const subject of ['host:example', 'host:x.b.example', 'client:gkd_', 'client:GKD_1']) {
      expect(outcomeOf(given('allow_list', { rules: [allow(subject)] }))).toBe('not_listed');
      expect(outcomeOf(given('open', { rules: [block(subject)] }))).toBe('allowed');
    }
  });

  it.each(['client:gkd_1', 'host:b.example', 'software:x'])('blocks by %s, over everything that allows', (subject) => {
    const rules = [allow('client:gkd_1'), block(subject)].slice(subject === 'client:gkd_1' ? 1 : 0);
    for (const mode of ['open', 'review', 'allow_list'] as const) {
      expect(outcomeOf(given(mode, { rules, admitted: true, approved: true }))).toBe('blocked');
    }
  });
});

describe('a client that has changed since it was trusted (CIMD-25)', () => {
  const approved = { admitted: true, approved: true, changed: true };
  const judged = (kind: ClientCase['kind'], changes: Partial<ClientCase>, clientChanges: ChangePolicy = 'consent') =>
    (['open', 'review', 'allow_list'] as const).map((clientAdmission) =>
      outcomeOf(given(clientAdmission, { settings: { clientAdmission, clientChanges }, kind, ...changes })),
    );

  it.each(['accept', 'consent'] as const)('by its document keeps the trust in its publisher, on %s', (policy) => {
    expect(judged('cimd', approved, policy)).toEqual(['allowed', 'allowed', 'allowed']);
    expect(judged('cimd', { ...approved, approved: false }, policy)).toEqual(['allowed', 'allowed', 'not_listed']);
  });

  it('by its document is for an admin to look at in quarantine, where it could be linked before', () => {
    const rules = [allow('client:gkd_1')];
    expect(judged('cimd', approved, 'quarantine')).toEqual(['review', 'review', 'review']);
    expect(judged('cimd', { admitted: true, changed: true, rules }, 'quarantine')).toEqual([
      'review',
      'review',
      'review',
    ]);
    expect(judged('cimd', { admitted: true, changed: true }, 'quarantine')).toEqual(['review', 'review', 'not_listed']);
  });

  it('by its registration is for an admin to look at, unless it could be linked by anyone or by a rule', () => {
    for (const policy of ['accept', 'consent', 'quarantine'] as const) {
      expect(judged('dynamic', approved, policy)).toEqual(['allowed', 'review', 'review']);
      expect(judged('dynamic', { ...approved, approved: false }, policy)).toEqual(['allowed', 'review', 'not_listed']);
      expect(judged('dynamic', { ...approved, rules: [allow('client:gkd_1')] }, policy)).toEqual([
        'allowed',
        'allowed',
        'allowed',
      ]);
    }
  });

  it('stays blocked', () => {
    expect(judged('cimd', { ...approved, rules: [block('host:a.example')] })).toEqual([
      'blocked',
      'blocked',
      'blocked',
    ]);
  });
});

describe('the ceiling of scopes', () => {
  it('is none when nobody has set one', () => {
    expect(judgeClient(given('open')).ceiling).toBeNull();
    expect(underCeiling(['a', 'b'], null)).toEqual(['a', 'b']);
  });

  it('is what the tenant and every rule about the client have in common', () => {
    const settings = { ...given('open').settings, scopeCeiling: ['a', 'b', 'c'] };
    const rules = [allow('host:a.example', ['b', 'c', 'd']), allow('client:gkd_1', ['c']), allow('client:other', [])];
    expect(judgeClient(given('open', { settings })).ceiling).toEqual(['a', 'b', 'c']);
    expect(judgeClient(given('open', { settings, rules })).ceiling).toEqual(['c']);
    expect(judgeClient(given('open', { rules })).ceiling).toEqual(['c']);
    expect(underCeiling(['a', 'c'], ['c'])).toEqual(['c']);
  });
});
