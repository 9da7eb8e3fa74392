import { describe, expect, it } from '@jest/globals';
import { readClientMetadata } from './client-metadata.ts';
import { registrationResponse } from './registration-response.ts';

const metadata = readClientMetadata({ redirect_uris: ['https://a.example/cb'], client_name: 'A' });

describe('registrationResponse', () => {
  it('echoes the registered metadata with the client id', () => {
    expect(registrationResponse({ clientId: 'c_1', issuedAt: 1_800_000_000, metadata })).toEqual({
      client_id: 'c_1',
      client_id_issued_at: 1_800_000_000,
      ...metadata,
    });
  });

  it('carries a secret together with its expiry', () => {
    const response = registrationResponse({
      clientId: 'c_1',
      issuedAt: 1,
      metadata,
      secret: { value: 's', expiresAt: 0 },
    });
    expect(response).toMatchObject({ client_secret: 's', client_secret_expires_at: 0 });
  });
});
