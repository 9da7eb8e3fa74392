import { describe, expect, it } from '@jest/globals';
import { clientSubject } from './client-rule.events.ts';
import {
  type ClientRule,
  decideClientRule,
  decideClientRuleRemoval,
  decideHolds,
  MOST_CLIENT_RULES,
} from './client-rule.decider.ts';

const block: ClientRule = { subject: 'host:evil.example', effect: 'block', scopes: null };
const allow: ClientRule = { subject: 'host:good.example', effect: 'allow', scopes: ['a', 'b'] };
const types = (events: ReturnType<typeof decideClientRule>) => events.map((event) => event.definition.type);

describe('a rule about clients', () => {
  it('is set, with the reason as data of the tenant’s own', () => {
    const [event] = decideClientRule({ rules: 0 }, block, 'admin', 'phishing');
    expect(event!.payload).toEqual({ subject: 'host:evil.example', effect: 'block', scopes: null });
    expect(event!.personal).toEqual({ reason: { subject: 'tenant', value: 'phishing' } });
    expect([event!.definition.wide, event!.definition.endsAccess]).toEqual([true, true]);
  });

  it('changes nothing when it holds already', () => {
    expect(decideClientRule({ rules: 1, rule: allow }, { ...allow, scopes: ['b', 'a'] }, 'admin')).toEqual([]);
    expect(types(decideClientRule({ rules: 1, rule: allow }, { ...allow, scopes: ['a'] }, 'admin'))).toEqual([
      'ClientRuleSet',
    ]);
    expect(types(decideClientRule({ rules: 1, rule: allow }, { ...block, subject: allow.subject }, 'admin'))).toEqual([
      'ClientRuleSet',
    ]);
  });

  it('holds every client that it blocks, for whom enforcement points wait', () => {
    const events = decideHolds('host:evil.example', ['a', 'b']);
    expect(events.map(({ payload }) => payload)).toEqual([
      { clientId: 'a', subject: 'host:evil.example' },
      { clientId: 'b', subject: 'host:evil.example' },
    ]);
    expect(events.every(({ definition }) => definition.endsAccess)).toBe(true);
  });

  it('is taken away once', () => {
    expect(types(decideClientRuleRemoval({ rules: 1, rule: block }, 'admin'))).toEqual(['ClientRuleRemoved']);
    expect(() => decideClientRuleRemoval({ rules: 0 }, 'admin')).toThrow(
      expect.objectContaining({ code: 'client.rule_not_found', kind: 'not_found' }),
    );
  });

  it.each<[string, ClientRule, number, string]>([
    ['that trusts what a client says of itself', { ...allow, subject: 'software:x' }, 0, 'client.rule_unproven'],
    ['that blocks up to a scope', { ...block, scopes: [] }, 0, 'client.rule_with_scopes'],
    ['beyond the most that a tenant has', block, MOST_CLIENT_RULES, 'client.too_many_rules'],
  ])('is refused %s', (_what, wanted, rules, code) => {
    expect(() => decideClientRule({ rules }, wanted, 'admin')).toThrow(expect.objectContaining({ code }));
  });
});

describe('the subject of a rule', () => {
  it.each([
    'client:gkd_1',
    'client:https://chatgpt.com/oauth/client.json',
    'host:claude.ai',
    'host:127.0.0.1',
    'host:[::1]',
    'host:a.example:8443',
    'host:com.example.app',
    'publisher:chatgpt.com',
    'software:a b',
  ])('may be %s', (subject) => {
    expect(clientSubject.safeParse(subject).success).toBe(true);
  });

  it.each([
    '',
    'claude.ai',
    'host:',
    'host:*.example',
    'host:Claude.ai',
    'host:a.example/x',
    'client:a b',
    'x:y',
    'host:a..b',
  ])('may not be “%s”', (subject) => {
    expect(clientSubject.safeParse(subject).success).toBe(false);
  });

  it('that an operator has set to block is for an operator to lift or to change', () => {
    const state = { rules: 1, rule: block, setBy: 'operator' } as const;
    const refused = expect.objectContaining({ code: 'client.rule_by_operator', kind: 'forbidden' });
    expect(() => decideClientRuleRemoval(state, 'admin')).toThrow(refused);
    expect(() =>
      decideClientRule(state, { ...block, effect: 'allow', subject: 'host:client.example' }, 'admin'),
    ).toThrow(refused);
    expect(decideClientRule(state, block, 'admin')).toEqual([]);
    expect(types(decideClientRuleRemoval(state, 'operator'))).toEqual(['ClientRuleRemoved']);
  });

  it('that an admin has set to block becomes an operator’s when an operator says the same', () => {
    const state = { rules: 1, rule: block, setBy: 'admin' } as const;
    expect(types(decideClientRule(state, block, 'operator'))).toEqual(['ClientRuleSet']);
    expect(decideClientRule({ ...state, setBy: 'operator' }, block, 'operator')).toEqual([]);
    expect(types(decideClientRuleRemoval(state, 'admin'))).toEqual(['ClientRuleRemoved']);
  });
});
