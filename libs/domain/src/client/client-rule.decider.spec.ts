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
    const [event] = decideClientRule({ rules: 0 }, block, 'phishing');
    expect(event!.payload).toEqual({ subject: 'host:evil.example', effect: 'block', scopes: null });
    expect(event!.personal).toEqual({ reason: { subject: 'tenant', value: 'phishing' } });
    expect([event!.definition.wide, event!.definition.endsAccess]).toEqual([true, true]);
  });

  it('changes nothing when it holds already', () => {
    expect(decideClientRule({ rules: 1, rule: allow }, { ...allow, scopes: ['b', 'a'] })).toEqual([]);
    expect(types(decideClientRule({ rules: 1, rule: allow }, { ...allow, scopes: ['a'] }))).toEqual(['ClientRuleSet']);
    expect(types(decideClientRule({ rules: 1, rule: allow }, { ...block, subject: allow.subject }))).toEqual([
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
    expect(types(decideClientRuleRemoval(block))).toEqual(['ClientRuleRemoved']);
    expect(() => decideClientRuleRemoval(undefined)).toThrow(
      expect.objectContaining({ code: 'client.rule_not_found', kind: 'not_found' }),
    );
  });

  it.each<[string, ClientRule, number, string]>([
    ['that trusts what a client says of itself', { ...allow, subject: 'software:x' }, 0, 'client.rule_unproven'],
    ['that blocks up to a scope', { ...block, scopes: [] }, 0, 'client.rule_with_scopes'],
    ['beyond the most that a tenant has', block, MOST_CLIENT_RULES, 'client.too_many_rules'],
  ])('is refused %s', (_what, wanted, rules, code) => {
    expect(() => decideClientRule({ rules }, wanted)).toThrow(expect.objectContaining({ code }));
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
});
