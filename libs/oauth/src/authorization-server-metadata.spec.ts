import { describe, expect, it } from '@jest/globals';
import * as client from 'openid-client';
import { authorizationServerMetadata, openIdConfiguration } from './authorization-server-metadata.ts';

const issuer = 'https://auth.example/t/acme';
const description = { issuer, scopes: ['boards:write', 'boards:read'], languages: ['en', 'de'] };

describe('authorizationServerMetadata', () => {
  it('names what is implemented, and nothing else', () => {
    expect(authorizationServerMetadata(description)).toEqual({
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      registration_endpoint: `${issuer}/register`,
      pushed_authorization_request_endpoint: `${issuer}/par`,
      revocation_endpoint: `${issuer}/revoke`,
      introspection_endpoint: `${issuer}/introspect`,
      introspection_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
      introspection_signing_alg_values_supported: ['ES256', 'RS256'],
      userinfo_endpoint: `${issuer}/userinfo`,
      end_session_endpoint: `${issuer}/logout`,
      jwks_uri: `${issuer}/jwks`,
      scopes_supported: ['boards:read', 'boards:write', 'email', 'offline_access', 'openid', 'profile'],
      response_types_supported: ['code'],
      response_modes_supported: ['query'],
      grant_types_supported: ['authorization_code', 'refresh_token', 'client_credentials'],
      code_challenge_methods_supported: ['S256'],
      token_endpoint_auth_methods_supported: ['none', 'private_key_jwt', 'client_secret_post', 'client_secret_basic'],
      token_endpoint_auth_signing_alg_values_supported: ['ES256', 'ES384', 'Ed25519', 'EdDSA', 'PS256', 'RS256'],
      revocation_endpoint_auth_methods_supported: [
        'none',
        'private_key_jwt',
        'client_secret_post',
        'client_secret_basic',
      ],
      revocation_endpoint_auth_signing_alg_values_supported: ['ES256', 'ES384', 'Ed25519', 'EdDSA', 'PS256', 'RS256'],
      authorization_response_iss_parameter_supported: true,
      acr_values_supported: ['urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport'],
      ui_locales_supported: ['en', 'de'],
    });
  });

  it('adds a field when its feature is on, and drops registration when that is off', () => {
    const features = { dynamicRegistration: false, clientIdMetadataDocuments: true };
    const metadata = authorizationServerMetadata({ ...description, features, dpopAlgs: ['ES256'] });
    expect(metadata).toMatchObject({
      client_id_metadata_document_supported: true,
      dpop_signing_alg_values_supported: ['ES256'],
    });
    expect(metadata).not.toHaveProperty('registration_endpoint');
  });
});

describe('openIdConfiguration', () => {
  it('is the same document with what OpenID Connect requires, and no default of it that would be untrue', () => {
    expect(openIdConfiguration(description)).toEqual({
      ...authorizationServerMetadata(description),
      claims_supported: expect.arrayContaining(['sub', 'email_verified']),
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256', 'ES256'],
      prompt_values_supported: ['none', 'login', 'consent', 'select_account'],
      claims_parameter_supported: false,
      request_parameter_supported: false,
      request_uri_parameter_supported: false,
    });
  });

  it.each([
    ['oidc', `${issuer}/.well-known/openid-configuration`, openIdConfiguration(description)],
    [
      'oauth2',
      'https://auth.example/.well-known/oauth-authorization-server/t/acme',
      authorizationServerMetadata(description),
    ],
  ] as const)('is accepted by the discovery of an independent client (%s)', async (algorithm, url, document) => {
    const configuration = await client.discovery(new URL(issuer), 'c_1', undefined, client.None(), {
      algorithm,
      [client.customFetch]: async (requested) => {
        expect(requested).toBe(url);
        return Response.json(document);
      },
    });
    expect(configuration.serverMetadata().token_endpoint).toBe(`${issuer}/token`);
    expect(configuration.serverMetadata().supportsPKCE()).toBe(true);
  });
});
