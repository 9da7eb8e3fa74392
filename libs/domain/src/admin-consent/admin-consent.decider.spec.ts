import { describe, expect, it } from '@jest/globals';
import { type AdminConsentState, decideAdminConsent, decideAdminConsentWithdrawal } from './admin-consent.decider.ts';

const consentId = '0190a000-0000-7000-8000-000000000001';
const resourceId = '0190a000-0000-7000-8000-000000000002';
const client = {
  clientId: 'gkd_1',
  kind: 'dynamic' as const,
  admitted: true,
  approved: true,
  changed: false,
  metadata: {},
  metadataDigest: 'd1',
  subjects: ['client:gkd_1'],
};
const state = (changes: Partial<AdminConsentState> = {}): AdminConsentState => ({
  client,
  blocked: false,
  resource: { resourceId, scopes: ['boards:read', 'boards:write'] },
  given: false,
  ...changes,
});
const give = (given: AdminConsentState, scopes = ['boards:read']) => decideAdminConsent(given, { consentId, scopes });
const typesOf = (events: ReturnType<typeof give>) => events.map((event) => event.definition.type);

describe('an admin’s consent for everyone', () => {
  it('is one event that names client, resource and scopes', () => {
    const events = give(state());
    expect(typesOf(events)).toEqual(['AdminConsentGiven']);
    expect(events[0]!.payload).toEqual({
      consentId,
      clientId: 'gkd_1',
      resourceId,
      metadataDigest: 'd1',
      scopes: ['boards:read'],
    });
  });

  it('admits a client that was only registered', () => {
    const events = give(state({ client: { ...client, admitted: false } }));
    expect(typesOf(events)).toEqual(['ClientAdmitted', 'AdminConsentGiven']);
    expect(events[0]!.payload).toMatchObject({ by: 'admin' });
  });

  it('makes the version that the admin has looked at the one that holds', () => {
    const events = give(state({ client: { ...client, changed: true, metadataDigest: 'd2' } }));
    expect(typesOf(events)).toEqual(['ClientChanged', 'AdminConsentGiven']);
    expect(events.map(({ payload }) => payload)).toMatchObject([
      { metadataDigest: 'd2', by: 'admin' },
      { metadataDigest: 'd2' },
    ]);
  });

  it('approves a client that was known by somebody’s consent alone', () => {
    expect(typesOf(give(state({ client: { ...client, approved: false } })))).toEqual([
      'ClientApproved',
      'AdminConsentGiven',
    ]);
  });

  it.each([
    ['an unknown client', { client: undefined }, ['boards:read'], 'consent.no_such_client'],
    ['a blocked client', { blocked: true }, ['boards:read'], 'consent.client_blocked'],
    ['an unknown resource', { resource: undefined }, ['boards:read'], 'consent.no_such_resource'],
    ['a scope of another resource', {}, ['admin'], 'consent.unknown_scope'],
    ['what it covers already', { given: true }, ['boards:read'], 'consent.already_given'],
  ] as const)('is refused for %s', (_name, changes, scopes, code) => {
    expect(() => give(state(changes), [...scopes])).toThrow(expect.objectContaining({ code }));
  });

  it('is withdrawn once, wide, so that nothing decided under it commits later', () => {
    const given = { consentId, clientId: 'gkd_1', resourceId };
    const events = decideAdminConsentWithdrawal({ ...given, withdrawn: false }, 'over');
    expect(typesOf(events)).toEqual(['AdminConsentWithdrawn']);
    expect(events[0]!.definition.wide).toBe(true);
    expect(events[0]!.personal).toEqual({ reason: { subject: 'tenant', value: 'over' } });
    expect(decideAdminConsentWithdrawal({ ...given, withdrawn: true }, 'over')).toEqual([]);
  });
});
