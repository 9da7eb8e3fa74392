import {
  decideEnforcementPointRegistration,
  decideEnforcementPointRetirement,
  decideCredentialRotation,
  MOST_POINTS,
} from './enforcement-point.decider.ts';

const pointId = '01a20ab8-ee36-72be-bc4b-000000000001';
const resourceId = '01a20ab8-ee36-72be-bc4b-000000000002';
const decided = (events: ReturnType<typeof decideEnforcementPointRetirement>) =>
  events.map(({ definition, streamId, payload }) => [definition.type, streamId, payload]);
const refusal = (code: string, field?: string) => expect.objectContaining({ name: 'DomainError', code, field });

describe('enforcement points', () => {
  it('are registered for a resource that there is', () => {
    const command = { pointId, resourceId, name: 'api' };
    expect(decided(decideEnforcementPointRegistration({ resourceExists: true, points: 0 }, command))).toEqual([
      ['EnforcementPointRegistered', pointId, command],
    ]);
    expect(() => decideEnforcementPointRegistration({ resourceExists: false, points: 0 }, command)).toThrow(
      refusal('point.resource_not_found', 'resource'),
    );
  });

  it('are as many as a tenant may have, and no more', () => {
    const command = { pointId, resourceId, name: 'api' };
    const register = (points: number) => decideEnforcementPointRegistration({ resourceExists: true, points }, command);
    expect(register(MOST_POINTS - 1)).toHaveLength(1);
    expect(() => register(MOST_POINTS)).toThrow(refusal('point.too_many'));
  });

  it('get a new credential until they are retired', () => {
    expect(decided(decideCredentialRotation({ pointId, retired: false }, 60))).toEqual([
      ['EnforcementPointCredentialRotated', pointId, { pointId, overlapSeconds: 60 }],
    ]);
    expect(() => decideCredentialRotation({ pointId, retired: true }, 60)).toThrow(refusal('point.retired'));
    expect(() => decideCredentialRotation(undefined, 60)).toThrow(refusal('point.not_found'));
  });

  it('are retired once', () => {
    expect(decided(decideEnforcementPointRetirement({ pointId, retired: false }))).toEqual([
      ['EnforcementPointRetired', pointId, { pointId }],
    ]);
    expect(decideEnforcementPointRetirement({ pointId, retired: true })).toEqual([]);
    expect(() => decideEnforcementPointRetirement(undefined)).toThrow(refusal('point.not_found'));
  });
});
