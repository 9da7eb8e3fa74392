import { describe, expect, it } from '@jest/globals';
import { type ConsentState, decideConsent } from './consent.decider.ts';

const [grantId, userId, resourceId, newGrantId] = ['1', '2', '3', '4'].map(
  (n) => `0190a000-0000-7000-8000-00000000000${n}`,
) as [string, string, string, string];
const shown = {
  clientName: 'Example',
  nameVerified: true,
  redirectHost: 'client.example',
  metadataDigest: 'd1',
  scopes: ['boards:read'],
};

function given(changes: Partial<ConsentState> = {}): ConsentState {
  return {
    tenantSuspended: false,
    user: { userId, suspended: false },
    client: {
      clientId: 'gkd_1',
      kind: 'dynamic',
      admitted: true,
      approved: false,
      changed: false,
      metadata: {},
      metadataDigest: 'd1',
      subjects: ['client:gkd_1', 'host:client.example'],
    },
    settings: { clientAdmission: 'open', clientChanges: 'consent' },
    rules: [],
    resource: { resourceId, suspended: false, scopes: ['boards:read', 'boards:write'] },
    ...changes,
  };
}
const approve = (state: ConsentState, scopes = ['boards:read']) =>
  decideConsent(state, { newGrantId, scopes, shown, address: '192.0.2.1' });
const typesOf = ({ events }: ReturnType<typeof decideConsent>) => events.map((event) => event.definition.type);

describe('consent', () => {
  it('makes a new grant where no link is alive', () => {
    const decided = approve(given());
    expect(typesOf(decided)).toEqual(['GrantCreated']);
    expect(decided.grantId).toBe(newGrantId);
    expect(decided.events[0]!.payload).toMatchObject({
      grantId: newGrantId,
      userId,
      clientId: 'gkd_1',
      resourceId,
      scopes: ['boards:read'],
    });
  });

  it('admits a client that was only registered, in the same decision', () => {
    const decided = approve(given({ client: { ...given().client, admitted: false } }));
    expect(typesOf(decided)).toEqual(['ClientAdmitted', 'GrantCreated']);
  });

  it('records the version of a client that has changed since it became known, with the consent to it', () => {
    const decided = approve(given({ client: { ...given().client, changed: true, metadataDigest: 'd2' } }));
    expect(typesOf(decided)).toEqual(['ClientChanged', 'GrantCreated']);
    expect(decided.events[0]!.payload).toMatchObject({ metadataDigest: 'd2', by: 'consent' });
  });

  it('gives offline_access under any ceiling: it opens nothing at the resource', () => {
    const ceiling = { ...given().settings, scopeCeiling: ['boards:read'] };
    const resource = { ...given().resource, scopes: ['boards:read', 'offline_access'] };
    expect(typesOf(approve(given({ settings: ceiling, resource }), ['boards:read', 'offline_access']))).toEqual([
      'GrantCreated',
    ]);
  });

  it('widens the link by what is new, and keeps what it had', () => {
    const decided = approve(given({ grant: { grantId, scopes: ['boards:read'] } }), ['boards:write']);
    expect(decided.grantId).toBe(grantId);
    expect(typesOf(decided)).toEqual(['GrantWidened']);
    expect(decided.events[0]!.payload).toMatchObject({
      scopes: ['boards:read', 'boards:write'],
      added: ['boards:write'],
    });
  });

  it('records a consent that adds nothing', () => {
    expect(typesOf(approve(given({ grant: { grantId, scopes: ['boards:read'] } })))).toEqual(['GrantRenewed']);
  });

  it('keeps the network address as personal data of the person', () => {
    const [event] = approve(given()).events;
    expect(event!.personal).toEqual({ address: { subject: { user: userId }, value: '192.0.2.1' } });
    expect(JSON.stringify(event!.payload)).not.toContain('192.0.2.1');
  });

  it.each<[string, ConsentState, string[], string]>([
    ['a suspended tenant', given({ tenantSuspended: true }), ['boards:read'], 'consent.suspended'],
    ['a suspended person', given({ user: { userId, suspended: true } }), ['boards:read'], 'consent.suspended'],
    [
      'a suspended resource',
      given({ resource: { ...given().resource, suspended: true } }),
      ['boards:read'],
      'consent.suspended',
    ],
    [
      'a blocked client',
      given({ rules: [{ subject: 'host:client.example', effect: 'block', scopes: null }] }),
      ['boards:read'],
      'consent.client_blocked',
    ],
    [
      'a client that an admin must approve first',
      given({
        settings: { ...given().settings, clientAdmission: 'review' },
        client: { ...given().client, admitted: false },
      }),
      ['boards:read'],
      'consent.client_not_allowed',
    ],
    [
      'a client that is not on the list',
      given({ settings: { ...given().settings, clientAdmission: 'allow_list' } }),
      ['boards:read'],
      'consent.client_not_allowed',
    ],
    [
      'a scope above the ceiling of the tenant',
      given({ settings: { ...given().settings, scopeCeiling: ['boards:read'] } }),
      ['boards:read', 'boards:write'],
      'consent.above_ceiling',
    ],
    ['no scope', given(), [], 'consent.empty_scope'],
    ['a scope of another resource', given(), ['boards:read', 'mail:send'], 'consent.unknown_scope'],
  ])('refuses %s', (_what, state, scopes, code) => {
    expect(() => approve(state, scopes)).toThrow(expect.objectContaining({ code }));
  });
});
