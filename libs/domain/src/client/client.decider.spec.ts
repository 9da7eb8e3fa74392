import { describe, expect, it } from '@jest/globals';
import {
  decideAdmission,
  decideClientChange,
  decideClientRemoval,
  decideSecretRotation,
  type KnownClient,
} from './client.decider.ts';

const version = { metadata: { client_name: 'A' }, metadataDigest: 'd2', subjects: ['client:c'] };
const known: KnownClient = {
  clientId: 'c',
  kind: 'registered',
  approved: true,
  removed: false,
  authMethod: 'client_secret_basic',
  metadataDigest: 'd1',
};
const types = (events: ReturnType<typeof decideAdmission>) => events.map((event) => event.definition.type);
const same = { ...version, authMethod: known.authMethod };

describe('admitting a client', () => {
  const asked = { ...version, clientId: 'c', kind: 'dynamic' as const };

  it('makes it known, by the admin', () => {
    const [event] = decideAdmission(asked, undefined);
    expect(event!.payload).toEqual({ clientId: 'c', kind: 'dynamic', ...version, by: 'admin' });
  });

  it('approves one that is known by a consent, in the version that was asked for', () => {
    expect(types(decideAdmission(asked, { ...known, approved: false, metadataDigest: 'd2' }))).toEqual([
      'ClientApproved',
    ]);
    expect(types(decideAdmission(asked, { ...known, approved: false }))).toEqual(['ClientChanged', 'ClientApproved']);
  });

  it('does nothing twice, and admits again what was removed', () => {
    expect(decideAdmission(asked, { ...known, metadataDigest: 'd2' })).toEqual([]);
    expect(types(decideAdmission(asked, { ...known, removed: true }))).toEqual(['ClientAdmitted']);
  });
});

describe('a registered client', () => {
  it('is changed by an admin, once for each version', () => {
    expect(types(decideClientChange(known, same))).toEqual(['ClientChanged']);
    expect(decideClientChange({ ...known, metadataDigest: 'd2' }, same)).toEqual([]);
  });

  it('gets another secret', () => {
    expect(decideSecretRotation(known, 3600)[0]!.payload).toEqual({ clientId: 'c', overlapSeconds: 3600 });
  });

  it('is removed with all its links', () => {
    const events = decideClientRemoval(known, 'admin');
    expect(types(events)).toEqual(['ClientAccessRevoked', 'ClientRemoved']);
    expect(events.every(({ definition }) => definition.wide && definition.endsAccess)).toBe(true);
  });

  it.each<[string, () => unknown, string]>([
    ['to be changed when it is not there', () => decideClientChange(undefined, same), 'client.not_found'],
    [
      'to be changed when it was removed',
      () => decideClientChange({ ...known, removed: true }, same),
      'client.not_found',
    ],
    [
      'to be changed when others publish it',
      () => decideClientChange({ ...known, kind: 'cimd' }, same),
      'client.not_registered',
    ],
    ['another method', () => decideClientChange(known, { ...same, authMethod: 'none' }), 'client.auth_method_fixed'],
    ['a secret it has no use for', () => decideSecretRotation({ ...known, authMethod: 'none' }, 0), 'client.no_secret'],
    [
      'a secret that it was not given here',
      () => decideSecretRotation({ ...known, kind: 'dynamic' }, 0),
      'client.not_registered',
    ],
    ['to be removed twice', () => decideClientRemoval({ ...known, removed: true }, 'admin'), 'client.not_found'],
  ])('is refused %s', (_what, act, code) => {
    expect(act).toThrow(expect.objectContaining({ code }));
  });
});
