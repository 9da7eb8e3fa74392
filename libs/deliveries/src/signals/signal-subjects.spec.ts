import {
  isRemoved,
  membersOf,
  namedSubject,
  removalsOf,
  subjectIdentifier,
  type SubjectMembers,
} from './signal-subjects.ts';

const issuer = 'https://auth.example/t/acme';
const tenant = '01a20ab8-ee36-72be-bc4b-0000000000aa';
const find = async (named: { format: string; sub?: string; email?: string }) =>
  named.sub === 'ann' || named.email === 'ann@acme.example' ? 'ann' : undefined;

describe('subjects', () => {
  test('are a person alone, or complex with the tenant', () => {
    expect(subjectIdentifier(issuer, tenant, { user: 'ann' })).toEqual({ format: 'iss_sub', iss: issuer, sub: 'ann' });
    expect(subjectIdentifier(issuer, tenant, { user: 'ann', application: 'c' })).toEqual({
      format: 'complex',
      tenant: { format: 'opaque', id: tenant },
      user: { format: 'iss_sub', iss: issuer, sub: 'ann' },
      application: { format: 'opaque', id: 'c' },
    });
    expect(subjectIdentifier(issuer, tenant, {})).toEqual({
      format: 'complex',
      tenant: { format: 'opaque', id: tenant },
    });
  });

  test.each([
    [{ format: 'iss_sub', iss: issuer, sub: 'ann' }, { user: 'ann' }],
    [{ format: 'email', email: 'ann@acme.example' }, { user: 'ann' }],
    [{ format: 'email', email: 'bob@acme.example' }, undefined],
    [{ format: 'complex', application: { format: 'opaque', id: 'c' } }, { application: 'c' }],
    [{ format: 'complex', tenant: { format: 'opaque', id: tenant } }, undefined],
    [
      { format: 'complex', tenant: { format: 'opaque', id: 'other' }, application: { format: 'opaque', id: 'c' } },
      undefined,
    ],
    [{ format: 'complex', user: { format: 'email', email: 'bob@acme.example' } }, undefined],
  ])('%j is %j', async (subject, members) => {
    expect(await membersOf(namedSubject.parse(subject), tenant, find)).toEqual(members);
  });

  test('are removed where all that was named is the same', () => {
    expect(isRemoved({ user: 'ann' }, { user: 'ann' })).toBe(true);
    expect(isRemoved({ user: 'ann', application: 'c' }, { user: 'ann' })).toBe(true);
    expect(isRemoved({ user: 'ann' }, { user: 'ann', application: 'c' })).toBe(false);
    expect(isRemoved({ user: 'bob' }, { user: 'ann' })).toBe(false);
    // Every link of a client: also those of others than ann.
    expect(isRemoved({ application: 'c' }, { user: 'ann' })).toBe(false);
  });

  test('are removed by seven subjects at most, which are all that there are', () => {
    const or = (value: string) => [value, 'another', undefined];
    const every = or('ann').flatMap((user) =>
      or('c').flatMap((application) => or('r').map((resource) => ({ user, application, resource }))),
    );
    const named = (subject: SubjectMembers) => JSON.parse(JSON.stringify(subject)) as SubjectMembers;
    const all = every.map(named).filter((subject) => Object.keys(subject).length > 0);
    for (const event of every) {
      const removals = removalsOf(event);
      const expected = all.filter((removed) => isRemoved(event, removed));
      expect(removals).toHaveLength(expected.length);
      expect(removals).toEqual(expect.arrayContaining(expected));
    }
  });
});
