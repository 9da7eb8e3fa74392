import { describe, expect, it } from '@jest/globals';
import { decideSigningKeyRevocation, type SigningKeyState } from './signing-key.decider.ts';

const key: SigningKeyState = { kid: 'old', use: 'access_token', alg: 'ES256', state: 'active' };
const successor = { kid: 'new', publicJwk: { kty: 'EC', kid: 'new' } };
const decided = (state: SigningKeyState | undefined) =>
  decideSigningKeyRevocation(state, { because: 'admin', reason: 'leaked' }, successor);

describe('the revocation of a signing key', () => {
  it('names another in the same breath when the issuer signs with it', () => {
    expect(decided(key)).toMatchObject([
      {
        definition: { type: 'SigningKeyRevoked', endsAccess: true },
        streamId: 'old',
        personal: { reason: { subject: 'tenant', value: 'leaked' } },
      },
      {
        definition: { type: 'SigningKeyCreated' },
        streamId: 'new',
        payload: { kid: 'new', alg: 'ES256', state: 'active' },
      },
    ]);
  });

  it('lets the key sign that has been announced, which verifiers know already', () => {
    const events = decideSigningKeyRevocation(key, { because: 'admin' }, successor, { kid: 'announced' });
    expect(events.map(({ definition, streamId }) => `${definition.type} ${streamId}`)).toEqual([
      'SigningKeyRevoked old',
      'SigningKeyActivated announced',
    ]);
  });

  it.each(['pending', 'retiring', 'retired'] as const)('needs no other when it signs no more: %s', (state) => {
    expect(decided({ ...key, state }).map(({ definition }) => definition.type)).toEqual(['SigningKeyRevoked']);
  });

  it('is done once', () => {
    expect(decided({ ...key, state: 'revoked' })).toEqual([]);
  });

  it('needs a key that is there', () => {
    expect(() => decided(undefined)).toThrow(expect.objectContaining({ code: 'revocation.signing_key_not_found' }));
  });
});
