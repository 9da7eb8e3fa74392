import { describe, expect, it } from '@jest/globals';
import { decideAdminKeyRevocation } from './admin-key.decider.ts';

const keyId = '01a20ab8-ee36-72be-bc4b-000000000002';

describe('ending an admin key', () => {
  it('given a key, then it is ended', () => {
    const events = decideAdminKeyRevocation({ keyId, revoked: false });
    expect(events.map(({ definition, payload }) => [definition.type, payload])).toEqual([
      ['AdminKeyRevoked', { keyId }],
    ]);
  });

  it('given one that has ended, then nothing happens', () => {
    expect(decideAdminKeyRevocation({ keyId, revoked: true })).toEqual([]);
  });

  it('given none, then it is refused', () => {
    expect(() => decideAdminKeyRevocation(undefined)).toThrow(
      expect.objectContaining({ code: 'admin.key_not_found', kind: 'not_found' }),
    );
  });
});
