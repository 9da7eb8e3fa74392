import { describe, expect, it } from '@jest/globals';
import { OAuthError } from '@grantkeeper/kernel';
import fc from 'fast-check';
import { generateKeyPairSync } from 'node:crypto';
import { canonicalMetadata, changedFields, readClientIdMetadataDocument } from './client-id-metadata-document.ts';

const clientId = 'https://client.example/oauth/client.json';
const minimal = { client_id: clientId, client_name: 'Example', redirect_uris: ['https://client.example/cb'] };
const key = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const jwks = { keys: [key.publicKey.export({ format: 'jwk' })] };
const read = (change: Record<string, unknown> = {}) =>
  readClientIdMetadataDocument(clientId, { ...minimal, ...change });
const refused = (description: RegExp, code = 'invalid_client_metadata') =>
  expect.objectContaining({ code, description: expect.stringMatching(description) });

// OA-17: what ChatGPT publishes, as several independent copies agree.
const chatgpt = {
  client_id: 'https://chatgpt.com/oauth/client.json',
  client_name: 'ChatGPT',
  client_uri: 'https://chatgpt.com/',
  redirect_uris: ['https://chatgpt.com/connector_platform_oauth_redirect'],
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  token_endpoint_auth_method: 'private_key_jwt',
  token_endpoint_auth_methods_supported: ['none', 'private_key_jwt'],
  token_endpoint_auth_signing_alg: 'RS256',
  jwks_uri: 'https://chatgpt.com/oauth/jwks.json',
  logo_uri: 'https://persistent.oaistatic.com/sonic/misc/openai-logo.png',
};

describe('readClientIdMetadataDocument', () => {
  it('takes a document of draft -00: three fields, a public client (CIMD-07)', () => {
    expect(read()).toEqual({
      redirect_uris: ['https://client.example/cb'],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      token_endpoint_auth_methods_supported: ['none'],
      application_type: 'web',
      client_name: 'Example',
    });
  });

  it('takes the document of ChatGPT, without its logo (OA-17, CIMD-18)', () => {
    const { logo_uri: _logo, client_id, ...kept } = chatgpt;
    expect(readClientIdMetadataDocument(client_id, chatgpt)).toEqual({
      ...kept,
      application_type: 'web',
      token_endpoint_auth_methods_supported: ['private_key_jwt', 'none'],
    });
  });

  it('keeps a closed list of fields', () => {
    expect(
      read({
        contacts: ['a@client.example'],
        software_id: 'x',
        software_version: '2',
        logo_uri: 'https://client.example/logo.png',
        sector_identifier_uri: 'https://client.example/s',
        __proto__: { polluted: true },
      }),
    ).toEqual(read());
  });

  it.each([
    ['another URL', { client_id: 'https://client.example/oauth/other.json' }],
    ['the same with the port written out', { client_id: 'https://client.example:443/oauth/client.json' }],
    ['the same in capitals', { client_id: 'https://CLIENT.example/oauth/client.json' }],
    ['nothing', { client_id: undefined }],
  ])('refuses a document whose client_id is %s (CIMD-03)', (_name, change) => {
    expect(() => read(change)).toThrow(refused(/client_id/));
  });

  it.each([
    [{ client_name: undefined }, /client_name is missing/],
    [{ client_name: '\u200b' }, /client_name is missing/],
    [{ client_secret: 's' }, /client_secret/],
    [{ client_secret_expires_at: 0 }, /client_secret_expires_at/],
    [{ token_endpoint_auth_method: 'client_secret_basic' }, /shared secret/],
    [{ token_endpoint_auth_method: 'client_secret_post' }, /shared secret/],
    [{ token_endpoint_auth_method: 'client_secret_jwt' }, /shared secret/],
    [{ token_endpoint_auth_method: 'tls_client_auth' }, /one of private_key_jwt, none/],
    [{ token_endpoint_auth_methods_supported: ['client_secret_post'] }, /one of private_key_jwt, none/],
    [{ token_endpoint_auth_method: 'private_key_jwt' }, /needs jwks or jwks_uri/],
    [{ jwks: { keys: [key.privateKey.export({ format: 'jwk' })] } }, /private or shared/],
    [
      { token_endpoint_auth_method: 'none', jwks: { keys: [key.privateKey.export({ format: 'jwk' })] } },
      /private or shared/,
    ],
    [{ jwks, jwks_uri: 'https://client.example/jwks' }, /either jwks or jwks_uri/],
    [{ token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'http://client.example/jwks' }, /jwks_uri/],
    [{ token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'file:///etc/passwd' }, /jwks_uri/],
    [{ token_endpoint_auth_method: 'private_key_jwt', jwks, token_endpoint_auth_signing_alg: 'HS256' }, /algorithm of/],
    [{ client_uri: 'javascript:alert(1)' }, /client_uri/],
    [{ logo_uri: 'data:image/svg+xml,x' }, /logo_uri/],
    [{ tos_uri: 'http://client.example/tos' }, /tos_uri/],
    [{ grant_types: ['implicit'] }, /grant_types/],
  ])('refuses %j (CIMD-07, CIMD-08, CIMD-15)', (change, reason) => {
    expect(() => read(change)).toThrow(refused(reason));
  });

  it.each([undefined, [], ['ftp://client.example/cb'], 'https://client.example/cb', ['https://client.example/cb#x']])(
    'refuses redirect_uris %j',
    (redirect_uris) => {
      expect(() => read({ redirect_uris })).toThrow(refused(/redirect/, 'invalid_redirect_uri'));
    },
  );

  it('drops redirect URIs that may not be used, as long as one remains', () => {
    const redirect_uris = ['cursor://oauth/callback', 'http://client.example/cb', 'http://127.0.0.1/cb'];
    expect(read({ redirect_uris })).toMatchObject({
      redirect_uris: ['http://127.0.0.1/cb'],
      application_type: 'native',
    });
  });

  it.each([[[]], ['text'], [null], [7]])('refuses %j', (document) => {
    expect(() => readClientIdMetadataDocument(clientId, document)).toThrow(refused(/JSON object/));
  });

  describe('chooses authentication methods from both lists (OA-18, CIMD-09, CIMD-10)', () => {
    it.each([
      [{}, ['none'], 'none'],
      [{ jwks }, ['private_key_jwt'], 'private_key_jwt'],
      [{ token_endpoint_auth_method: 'none', jwks }, ['none'], 'none'],
      [{ token_endpoint_auth_method: 'private_key_jwt', jwks }, ['private_key_jwt'], 'private_key_jwt'],
      [
        { token_endpoint_auth_methods_supported: ['none', 'private_key_jwt'], jwks },
        ['private_key_jwt', 'none'],
        'private_key_jwt',
      ],
      [
        {
          token_endpoint_auth_method: 'none',
          token_endpoint_auth_methods_supported: ['none', 'private_key_jwt', 'client_secret_post'],
          jwks,
        },
        ['private_key_jwt', 'none'],
        'none',
      ],
      // The list wins over the single one.
      [
        { token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_methods_supported: ['none'], jwks },
        ['none'],
        'none',
      ],
      // What cannot be used is not on offer.
      [{ token_endpoint_auth_methods_supported: ['none', 'private_key_jwt'] }, ['none'], 'none'],
      [
        {
          token_endpoint_auth_methods_supported: ['none', 'private_key_jwt'],
          token_endpoint_auth_signing_alg: 'HS256',
          jwks,
        },
        ['none'],
        'none',
      ],
    ])('%j', (change, methods, preferred) => {
      expect(read(change)).toMatchObject({
        token_endpoint_auth_method: preferred,
        token_endpoint_auth_methods_supported: methods,
      });
    });
  });

  it('reads any JSON or refuses it in words of its own', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...Object.keys(chatgpt), 'jwks'), fc.jsonValue()), (change) => {
        try {
          expect(read(change as Record<string, unknown>).client_name).toBeTruthy();
        } catch (error) {
          expect(error).toBeInstanceOf(OAuthError);
        }
      }),
    );
  });
});

describe('canonicalMetadata', () => {
  it('is the same whatever the order, and another for anything that is kept', () => {
    const uris = ['https://client.example/a', 'https://client.example/b'];
    const one = read({ redirect_uris: uris });
    const other = readClientIdMetadataDocument(
      clientId,
      Object.fromEntries(Object.entries({ ...minimal, redirect_uris: uris.toReversed() }).toReversed()),
    );
    expect(canonicalMetadata(one)).toBe(canonicalMetadata(other));
    expect(changedFields(one, other)).toEqual([]);
    expect(canonicalMetadata(read({ client_name: 'Other' }))).not.toBe(canonicalMetadata(read()));
  });
});

describe('changedFields', () => {
  it('names what differs', () => {
    expect(changedFields(read(), read({ client_name: 'Other', redirect_uris: ['https://client.example/b'] }))).toEqual([
      'client_name',
      'redirect_uris',
    ]);
    expect(changedFields(read(), read({ jwks }))).toEqual([
      'jwks',
      'token_endpoint_auth_method',
      'token_endpoint_auth_methods_supported',
    ]);
  });
});
