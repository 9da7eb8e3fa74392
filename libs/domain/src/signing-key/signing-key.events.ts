import { z } from 'zod';
import { defineEvent } from '../event.ts';
import { because } from '../revocation/because.ts';

export const signingKeyCreated = defineEvent({
  type: 'SigningKeyCreated',
  version: 1,
  streamType: 'signing-key',
  payload: z.object({
    kid: z.string(),
    use: z.enum(['access_token']),
    alg: z.enum(['ES256', 'RS256']),
    state: z.enum(['pending', 'active']),
    publicJwk: z.record(z.string(), z.string()),
  }),
  privacy: { kid: 'public', use: 'public', alg: 'public', state: 'public', publicJwk: 'public' },
  says: 'A signing key was made; only its public half is recorded.',
});

export const signingKeyActivated = defineEvent({
  type: 'SigningKeyActivated',
  version: 1,
  streamType: 'signing-key',
  payload: z.object({ kid: z.string() }),
  privacy: { kid: 'public' },
  says: 'The issuer signs with this key from now on; it had been published before.',
});

export const signingKeySuperseded = defineEvent({
  type: 'SigningKeySuperseded',
  version: 1,
  streamType: 'signing-key',
  payload: z.object({ kid: z.string(), by: z.string() }),
  privacy: { kid: 'public', by: 'public' },
  says: 'Another key signs from now on; what this one has signed stays valid until it expires.',
});

export const signingKeyRetired = defineEvent({
  type: 'SigningKeyRetired',
  version: 1,
  streamType: 'signing-key',
  payload: z.object({ kid: z.string() }),
  privacy: { kid: 'public' },
  says: 'The key is published no more: all that it has signed has expired.',
});

export const signingKeyRevoked = defineEvent({
  type: 'SigningKeyRevoked',
  version: 1,
  streamType: 'signing-key',
  payload: z.object({ kid: z.string(), because }),
  privacy: { kid: 'public', because: 'business' },
  personal: ['reason'],
  endsAccess: true,
  says: 'Nothing that the key has signed, or will sign, is accepted any more.',
});
