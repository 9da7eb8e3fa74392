import { describe, expect, it } from '@jest/globals';
import { decideEmailVerification, decideSignOut } from './user.decider.ts';

const userId = '01a20ab8-ee36-72be-bc4b-000000000002';
const decided = (emailVerified: boolean, verified: boolean) =>
  decideEmailVerification({ userId, emailVerified }, verified).map(({ definition, streamId, payload }) => [
    definition.type,
    streamId,
    payload,
  ]);

describe('whether an address is the person’s', () => {
  it.each([true, false])('given the opposite, when an admin says %s, then it is so', (verified) => {
    expect(decided(!verified, verified)).toEqual([['UserEmailVerificationSet', userId, { userId, verified }]]);
  });

  it.each([true, false])('given %s, when an admin says so again, then nothing happens', (verified) => {
    expect(decided(verified, verified)).toEqual([]);
  });

  it('given nobody, then it is refused', () => {
    expect(() => decideEmailVerification(undefined, true)).toThrow(
      expect.objectContaining({ code: 'user.not_found', kind: 'not_found' }),
    );
  });
});

describe('signing a person out', () => {
  it('is one event that ends no access, and again each time', () => {
    const [event, ...rest] = decideSignOut({ userId }, 'left the browser open');
    expect([event!.definition.type, event!.definition.wide, event!.definition.endsAccess, rest]).toEqual([
      'UserSignedOut',
      true,
      false,
      [],
    ]);
    expect(event!.personal).toEqual({ reason: { subject: { user: userId }, value: 'left the browser open' } });
  });

  it('needs a person', () => {
    expect(() => decideSignOut(undefined)).toThrow(expect.objectContaining({ code: 'user.not_found' }));
  });
});
