import { describe, expect, it } from '@jest/globals';
import type { Because } from './because.ts';
import { decideRevocation, type RevocationState, type RevocationTarget } from './revocation.decider.ts';

const id = (n: number) => `0190a000-0000-7000-8000-00000000000${n}`;
const [tenantId, grantId, userId, resourceId, familyId, otherFamily] = [id(0), id(1), id(2), id(3), id(4), id(5)] as [
  string,
  string,
  string,
  string,
  string,
  string,
];
const grant = {
  grantId,
  userId,
  clientId: 'gkd_1',
  resourceId,
  ended: false,
  suspended: false,
  livingFamilies: [familyId],
};

function decided(target: RevocationTarget, state: RevocationState, reason?: string) {
  return decideRevocation(tenantId, state, {
    target,
    because: 'admin',
    by: 'admin',
    ...(reason !== undefined && { reason }),
  });
}
const types = (target: RevocationTarget, state: RevocationState) =>
  decided(target, state).map((event) => event.definition.type);

describe('revocation', () => {
  it('is one event for a person, a client, a resource and a tenant, whatever they are linked to', () => {
    expect(types({ kind: 'user', userId }, { exists: true })).toEqual(['UserAccessRevoked']);
    expect(types({ kind: 'client', clientId: 'gkd_1' }, { exists: true })).toEqual(['ClientAccessRevoked']);
    expect(types({ kind: 'resource', resourceId }, { exists: true })).toEqual(['ResourceAccessRevoked']);
    expect(types({ kind: 'tenant' }, { exists: true })).toEqual(['TenantAccessRevoked']);
  });

  it('is one event for a pair, on a stream of its own, with the watermark of exactly those that it names', () => {
    const pair = (names: object) => decided({ kind: 'pair', ...names }, { exists: true });
    expect(pair({ userId, clientId: 'gkd_1' })).toMatchObject([
      {
        definition: { type: 'PairAccessRevoked', wide: true, endsAccess: true },
        streamId: `${userId} * gkd_1`,
        payload: { userId, clientId: 'gkd_1', because: 'admin' },
      },
    ]);
    expect(pair({ clientId: 'gkd_1', resourceId }).map(({ streamId }) => streamId)).toEqual([`* ${resourceId} gkd_1`]);
    expect(() => decided({ kind: 'pair', userId }, { exists: false, missing: 'user' })).toThrow(
      expect.objectContaining({ code: 'revocation.pair_of_one' }),
    );
    expect(() => decided({ kind: 'pair', userId, resourceId }, { exists: false, missing: 'resource' })).toThrow(
      expect.objectContaining({ code: 'revocation.resource_not_found' }),
    );
  });

  it('keeps a person or a client out in the same breath, where that is asked for', () => {
    const blocked = (target: RevocationTarget, state: Partial<RevocationState> = {}) =>
      decideRevocation(
        tenantId,
        { exists: true, ...state },
        { target, because: 'admin', by: 'admin', reason: 'left', block: true },
      );
    const names = (events: ReturnType<typeof blocked>) => events.map(({ definition }) => definition.type);
    expect(names(blocked({ kind: 'user', userId }))).toEqual(['UserAccessRevoked', 'UserSuspended']);
    expect(names(blocked({ kind: 'user', userId }, { suspended: true }))).toEqual(['UserAccessRevoked']);
    const events = blocked({ kind: 'client', clientId: 'gkd_1' });
    expect(names(events)).toEqual(['ClientAccessRevoked', 'ClientRuleSet']);
    expect(events[1]).toMatchObject({
      streamId: 'client:gkd_1',
      payload: { effect: 'block' },
      personal: { reason: { subject: 'tenant', value: 'left' } },
    });
  });

  it('ends a grant, once', () => {
    expect(types({ kind: 'grant', grantId }, { exists: true, grant })).toEqual(['GrantRevoked']);
    expect(types({ kind: 'grant', grantId }, { exists: true, grant: { ...grant, ended: true } })).toEqual([]);
  });

  it('ends a family and leaves the link to the other installations', () => {
    const two = { exists: true, grant: { ...grant, livingFamilies: [familyId, otherFamily] } };
    expect(types({ kind: 'family', grantId, familyId }, two)).toEqual(['FamilyRevoked']);
  });

  it('takes the grant with its last family', () => {
    expect(types({ kind: 'family', grantId, familyId }, { exists: true, grant })).toEqual([
      'FamilyRevoked',
      'GrantRevoked',
    ]);
  });

  it('leaves a suspended grant to an admin, whatever its installations do', () => {
    const held = { exists: true, grant: { ...grant, suspended: true } };
    const family = { kind: 'family', grantId, familyId } as const;
    const ended = (target: RevocationTarget, because: Because, state = held) =>
      decideRevocation(tenantId, state, { target, because, by: 'client' }).map((event) => event.definition.type);
    for (const because of ['client', 'code_replayed', 'refresh_token_reused', 'user', 'idle'] as const)
      expect(ended(family, because)).toEqual(['FamilyRevoked']);
    const two = { exists: true, grant: { ...held.grant, livingFamilies: [familyId, otherFamily] } };
    expect(ended({ kind: 'grant', grantId }, 'refresh_token_reused', two)).toEqual(['FamilyRevoked', 'FamilyRevoked']);
    expect(ended(family, 'admin')).toEqual(['FamilyRevoked', 'GrantRevoked']);
    expect(ended({ kind: 'grant', grantId }, 'admin')).toEqual(['GrantRevoked']);
  });

  it('changes nothing for a family or a token that has ended', () => {
    expect(types({ kind: 'family', grantId, familyId: otherFamily }, { exists: true, grant })).toEqual([]);
    expect(
      types({ kind: 'token', grantId, familyId, tokenId: 't' }, { exists: true, grant, tokenEnded: true }),
    ).toEqual([]);
  });

  it('ends one token and nothing else', () => {
    expect(types({ kind: 'token', grantId, familyId, tokenId: 't' }, { exists: true, grant })).toEqual([
      'TokenRevoked',
    ]);
  });

  it('refuses what does not exist', () => {
    expect(() => types({ kind: 'user', userId }, { exists: false })).toThrow(
      expect.objectContaining({ code: 'revocation.user_not_found', kind: 'not_found' }),
    );
  });

  it('keeps the reason as personal data: of the person where one is meant, else of the tenant', () => {
    expect(decided({ kind: 'grant', grantId }, { exists: true, grant }, 'left')[0]!.personal).toEqual({
      reason: { subject: { user: userId }, value: 'left' },
    });
    expect(decided({ kind: 'client', clientId: 'c' }, { exists: true }, 'bad')[0]!.personal).toEqual({
      reason: { subject: 'tenant', value: 'bad' },
    });
  });

  it('waits for all who hand out access, and overtakes decisions when it is wider than a grant', () => {
    const [wide] = decided({ kind: 'user', userId }, { exists: true });
    const [narrow] = decided({ kind: 'grant', grantId }, { exists: true, grant });
    expect([wide!.definition.endsAccess, wide!.definition.wide]).toEqual([true, true]);
    expect([narrow!.definition.endsAccess, narrow!.definition.wide]).toEqual([true, false]);
  });
});
