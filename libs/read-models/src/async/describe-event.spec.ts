import { eventCatalogue } from '@grantkeeper/domain';
import { describe, expect, test } from '@jest/globals';
import { describeEvent } from './describe-event.ts';

const shown = { clientName: 'Claude', nameVerified: true, redirectHost: 'claude.ai', metadataDigest: 'd', scopes: [] };
const unverified = { ...shown, nameVerified: false };
const admin = { kind: 'admin', id: '1' };

describe('describeEvent', () => {
  test.each([
    [
      'GrantCreated',
      { shown, scopes: ['a:read', 'a:write', 'b:read'] },
      'The person allowed Claude (claude.ai) to use a:read, a:write and b:read.',
    ],
    ['GrantWidened', { shown, added: ['b:read'] }, 'The person allowed Claude to use b:read as well.'],
    ['GrantRevoked', { because: 'admin' }, 'An admin ended the link.'],
    ['GrantRevoked', { because: 'client' }, 'The client ended the link.'],
    [
      'GrantRevoked',
      { because: 'idle' },
      'Grantkeeper ended the link, because nobody had used it for as long as the policy says.',
    ],
    [
      'GrantRevoked',
      { because: 'code_replayed' },
      'Grantkeeper ended the link, because its authorization code came a second time.',
    ],
    ['UserAccessRevoked', { because: 'user' }, 'The person ended every link and session of their own.'],
    [
      'ClientAdmitted',
      { clientId: 'https://c.example/id', kind: 'cimd', metadata: { client_name: 'Claude' }, by: 'consent' },
      'An app that calls itself Claude, published at https://c.example/id, became known to the tenant, because someone consented to it.',
    ],
    [
      'ClientAdmitted',
      { clientId: 'gkd_1', kind: 'dynamic', metadata: { client_name: 'Claude' }, by: 'consent' },
      'An app that calls itself Claude became known to the tenant, because someone consented to it.',
    ],
    [
      'ClientAdmitted',
      { clientId: 'gkn_1', kind: 'registered', metadata: { client_name: 'Reports' }, by: 'admin' },
      'Reports became known to the tenant, because an admin admitted it.',
    ],
    [
      'GrantCreated',
      { shown: unverified, scopes: ['a:read'] },
      'The person allowed an app that calls itself Claude (claude.ai) to use a:read.',
    ],
    [
      'GrantRenewed',
      { shown: unverified, adminConsentId: '1' },
      'An app that calls itself Claude was linked again under what an admin had allowed for everyone.',
    ],
    [
      'ClientAdmitted',
      { clientId: 'https://c.example/id', metadata: {}, by: 'admin' },
      'https://c.example/id became known to the tenant, because an admin admitted it.',
    ],
  ])('tells %s %p', (type, payload, words) => {
    expect(describeEvent({ type, actor: admin, payload })).toBe(words);
  });

  test('says that an operator acted, where one did', () => {
    expect(
      describeEvent({
        type: 'ClientAccessRevoked',
        actor: { kind: 'operator', id: '1' },
        payload: { because: 'admin' },
      }),
    ).toBe('An operator ended every link of the client.');
  });

  test('has a sentence for every type of the catalogue, and an honest one for any other', () => {
    for (const { type } of eventCatalogue)
      expect(describeEvent({ type, actor: admin, payload: {} })).toMatch(/^\S.*\.$/);
    expect(describeEvent({ type: 'constructor', actor: null, payload: null })).toContain('no words');
  });
});
