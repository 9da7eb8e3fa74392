import { describe, expect, it } from '@jest/globals';
import type { ClientRule } from './client-rule.decider.ts';
import { decideRegistration, type RegistrationCase } from './registration.decider.ts';

const subjects = ['client:gkd_1', 'host:a.example', 'host:b.example', 'software:x'];
const tokenId = '0190a000-0000-7000-8000-000000000001';
const token = { tokenId, revoked: false, expired: false, spent: false };

function given(changes: Partial<RegistrationCase> = {}, registration = 'open'): RegistrationCase {
  return {
    settings: { registration, registrationHosts: ['a.example', 'b.example'] } as RegistrationCase['settings'],
    rules: [],
    subjects,
    ...changes,
  };
}
const block = (subject: string): ClientRule => ({ subject, effect: 'block', scopes: null });

describe('who may register a client (DCR-09)', () => {
  it('is anyone where registration is open, with or without a token', () => {
    expect(decideRegistration(given())).toEqual({ outcome: 'registered' });
    expect(decideRegistration(given({ token: null }))).toEqual({ outcome: 'registered' });
    expect(decideRegistration(given({ token }))).toEqual({ outcome: 'registered' });
  });

  it('is nobody where it is off, whatever they hold', () => {
    expect(decideRegistration(given({ token }, 'off'))).toEqual({ outcome: 'off' });
  });

  it('is a client whose redirect hosts are all on the list, where there is one', () => {
    expect(decideRegistration(given({}, 'host_list'))).toEqual({ outcome: 'registered' });
    const one = given({ subjects: [...subjects, 'host:evil.example'] }, 'host_list');
    expect(decideRegistration(one)).toEqual({ outcome: 'host_not_listed' });
  });

  it('is who holds a token that has uses left, and takes one of them', () => {
    const decided = decideRegistration(given({ token }, 'initial_access_token'));
    expect(decided).toEqual({ outcome: 'registered', tokenId });
    const unlimited = given({ token: { ...token, spent: null } }, 'initial_access_token');
    expect(decideRegistration(unlimited)).toEqual({ outcome: 'registered', tokenId });
  });

  it.each([
    ['no token', undefined, 'token_missing'],
    ['an unknown one', null, 'token_invalid'],
    ['a revoked one', { ...token, revoked: true }, 'token_invalid'],
    ['an expired one', { ...token, expired: true }, 'token_invalid'],
    ['one that is used up', { ...token, spent: true }, 'token_invalid'],
  ])('is not who comes with %s, where one is needed', (_what, presented, outcome) => {
    expect(decideRegistration(given({ token: presented }, 'initial_access_token'))).toEqual({ outcome });
  });

  it.each(['host:b.example', 'software:x'])('is not a client that is blocked by %s, in any mode', (subject) => {
    for (const mode of ['open', 'host_list', 'initial_access_token']) {
      expect(decideRegistration(given({ token, rules: [block(subject)] }, mode))).toEqual({ outcome: 'blocked' });
    }
    expect(decideRegistration(given({ rules: [{ subject, effect: 'allow', scopes: null }] }))).toEqual({
      outcome: 'registered',
    });
  });
});
