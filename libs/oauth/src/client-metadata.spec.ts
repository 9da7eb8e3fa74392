import { describe, expect, it } from '@jest/globals';
import { OAuthError } from '@grantkeeper/kernel';
import fc from 'fast-check';
import { readClientMetadata } from './client-metadata.ts';

const uris = { redirect_uris: ['https://a.example/cb'] };
const refused = (code: string, description: RegExp) =>
  expect.objectContaining({ code, description: expect.stringMatching(description) });

describe('readClientMetadata', () => {
  it('fills in the defaults of RFC 7591', () => {
    expect(readClientMetadata(uris)).toEqual({
      redirect_uris: ['https://a.example/cb'],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_basic',
      application_type: 'web',
    });
  });

  it('keeps the closed list of fields and ignores every other', () => {
    const kept = {
      redirect_uris: ['http://127.0.0.1/cb'],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      application_type: 'native',
      client_name: 'Claude Code (boards)',
      client_uri: 'https://claude.ai',
      logo_uri: 'https://claude.ai/logo.png',
      policy_uri: 'https://claude.ai/privacy',
      tos_uri: 'https://claude.ai/terms',
      scope: 'boards:read boards:write',
      contacts: ['ops@claude.ai'],
      software_id: '2B41',
      software_version: '1.0',
      id_token_signed_response_alg: 'ES256',
      post_logout_redirect_uris: ['http://127.0.0.1/bye'],
      dpop_bound_access_tokens: true,
      require_pushed_authorization_requests: true,
    };
    const sent = {
      ...kept,
      jwks_uri: 'https://claude.ai/jwks',
      software_statement: 'x.y.z',
      client_secret: 'mine',
      userinfo_signed_response_alg: 'none',
    };
    expect(readClientMetadata(sent)).toEqual(kept);
  });

  it('keeps the keys of a client that signs, and where they are', () => {
    const signing = { ...uris, token_endpoint_auth_method: 'private_key_jwt' };
    const keys = [{ kty: 'EC', crv: 'P-256', x: 'a', y: 'b', kid: '1' }];
    expect(readClientMetadata({ ...signing, jwks: { keys }, jwks_uri: '' })).toMatchObject({
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys },
    });
    const jwks_uri = 'https://a.example/jwks';
    expect(readClientMetadata({ ...signing, jwks_uri, token_endpoint_auth_signing_alg: 'ES256' })).toMatchObject({
      jwks_uri,
      token_endpoint_auth_signing_alg: 'ES256',
    });
  });

  it('treats null and empty strings as absent', () => {
    expect(
      readClientMetadata({
        ...uris,
        client_uri: '',
        logo_uri: null,
        scope: '',
        client_name: null,
        application_type: null,
      }),
    ).toEqual(readClientMetadata(uris));
  });

  it('drops grant and response types that are not offered, as long as the code flow remains', () => {
    const read = readClientMetadata({
      ...uris,
      grant_types: ['refresh_token', 'urn:ietf:params:oauth:grant-type:device_code', 'authorization_code'],
      response_types: ['code', 'token'],
    });
    expect([read.grant_types, read.response_types]).toEqual([['authorization_code', 'refresh_token'], ['code']]);
  });

  it.each([
    [['https://a.example/cb'], 'web'],
    [['http://localhost:3000/cb'], 'native'],
    [['http://127.0.0.1/', 'https://vscode.dev/redirect'], 'native'],
  ])('infers from %j that the client is %s', (redirect_uris, expected) => {
    expect(readClientMetadata({ redirect_uris }).application_type).toBe(expected);
  });

  it('registers each redirect URI once', () => {
    expect(
      readClientMetadata({ redirect_uris: ['https://a.example/cb', 'https://a.example/cb'] }).redirect_uris,
    ).toEqual(['https://a.example/cb']);
  });

  it('takes no private-use scheme', () => {
    const body = { redirect_uris: ['com.example.app:/cb'] };
    expect(() => readClientMetadata(body)).toThrow(refused('invalid_redirect_uri', /private-use/));
  });

  it.each([
    ['absent', undefined],
    ['null', null],
    ['empty', []],
    ['a string', 'https://a.example/cb'],
    ['not strings', [1]],
    ['too many', Array.from({ length: 21 }, (_, i) => `https://a.example/${i}`)],
    ['one that is not registrable', ['https://a.example/cb', 'javascript:alert(1)']],
    ['http', ['http://a.example/cb']],
  ])('refuses redirect_uris that are %s', (_, redirect_uris) => {
    expect(() => readClientMetadata({ redirect_uris })).toThrow(refused('invalid_redirect_uri', /redirect/));
  });

  it('refuses loopback redirects for a client that says it is a web application', () => {
    expect(() => readClientMetadata({ redirect_uris: ['http://localhost/cb'], application_type: 'web' })).toThrow(
      refused('invalid_redirect_uri', /application_type native/),
    );
  });

  it.each([
    [
      { token_endpoint_auth_method: 'tls_client_auth' },
      /^token_endpoint_auth_method must be one of none, private_key_jwt, client_secret_post, client_secret_basic$/,
    ],
    [{ token_endpoint_auth_method: 'private_key_jwt' }, /private_key_jwt needs either jwks or jwks_uri$/],
    [{ token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [] } }, /^jwks holds no key/],
    [
      { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'https://a.example/k', jwks: { keys: [] } },
      /private_key_jwt needs either/,
    ],
    [
      { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'http://a.example/k' },
      /^jwks_uri must be an https URL$/,
    ],
    [
      {
        token_endpoint_auth_method: 'private_key_jwt',
        jwks_uri: 'https://a.example/k',
        token_endpoint_auth_signing_alg: 'none',
      },
      /^token_endpoint_auth_signing_alg must be one of ES256/,
    ],
    [{ token_endpoint_auth_method: 7 }, /^token_endpoint_auth_method must be a string/],
    [{ grant_types: ['refresh_token'] }, /^grant_types must include authorization_code/],
    [{ grant_types: [] }, /^grant_types must include/],
    [{ grant_types: 'authorization_code' }, /^grant_types must be an array/],
    [{ response_types: ['token'] }, /^response_types must include code/],
    [{ id_token_signed_response_alg: 'HS256' }, /^id_token_signed_response_alg must be one of RS256, ES256/],
    [{ dpop_bound_access_tokens: 'yes' }, /^dpop_bound_access_tokens must be true or false/],
    [{ require_pushed_authorization_requests: 1 }, /^require_pushed_authorization_requests must be true or false/],
    [{ application_type: 'desktop' }, /^application_type must be native or web/],
    [{ client_name: 'x'.repeat(201) }, /^client_name must not be longer/],
    [{ client_name: { de: 'x' } }, /^client_name must be a string/],
    [{ client_uri: 'http://a.example' }, /^client_uri must be an https URL/],
    [{ logo_uri: 'javascript:alert(1)' }, /^logo_uri must be an https URL/],
    [{ policy_uri: 'data:text/html,x' }, /^policy_uri must be an https URL/],
    [{ tos_uri: 'https://user:pw@a.example' }, /^tos_uri must be an https URL/],
    [{ scope: 'a"b' }, /^scope is not a list/],
    [{ scope: ['a'] }, /^scope must be a string/],
    [{ contacts: Array.from({ length: 21 }, String) }, /^contacts has too many/],
    [{ software_id: 'a\0b' }, /^software_id contains a character/],
    [{ software_version: '\ud800' }, /^software_version contains a character/],
    [{ contacts: ['a\nb'] }, /^contacts holds a character/],
    [{ software_id: 'x'.repeat(257) }, /^software_id must not be longer/],
  ])('refuses %j', (fields, description) => {
    expect(() => readClientMetadata({ ...uris, ...fields })).toThrow(refused('invalid_client_metadata', description));
  });

  it.each([undefined, null, 'text', 7, []])('refuses a body that is %j', (body) => {
    expect(() => readClientMetadata(body)).toThrow(refused('invalid_client_metadata', /must be a JSON object/));
  });

  it('takes from a name what could make it look like another', () => {
    const name = (client_name: string) => readClientMetadata({ ...uris, client_name }).client_name;
    expect(name('  My\n\tApp \u202Egpj.exe\u200B\u0007 ')).toBe('My App gpj.exe');
    expect(name('\u202E\u200B')).toBeUndefined();
    expect(name('Familie 👩‍👧')).toBe('Familie 👩‍👧');
  });

  it('either reads a body or refuses it with a registration error, whatever it holds', () => {
    const fields = fc.constantFrom(
      'redirect_uris',
      'grant_types',
      'client_name',
      'client_uri',
      'scope',
      'contacts',
      '__proto__',
    );
    const value = fc.oneof(fc.anything(), fc.array(fc.webUrl({ validSchemes: ['https', 'http'] })));
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.dictionary(fields, value)), (body) => {
        try {
          expect(readClientMetadata(body).redirect_uris.length).toBeGreaterThan(0);
        } catch (error) {
          if (!(error instanceof OAuthError)) throw error;
          expect(['invalid_redirect_uri', 'invalid_client_metadata']).toContain(error.code);
        }
      }),
    );
  });
});
