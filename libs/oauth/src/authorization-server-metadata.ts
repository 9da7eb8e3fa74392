import { AUTHENTICATION_CONTEXTS } from './authentication-context.ts';
import { GRANT_TYPES, ID_TOKEN_ALGS, TOKEN_ENDPOINT_AUTH_METHODS } from './client-metadata.ts';
import { ISSUER_SCOPES } from './issuer-scopes.ts';
import { CLIENT_SIGNING_ALGS } from './json-web-keys.ts';

/** What an authorization server offers beyond the code flow. A document names only what is on. */
export interface AuthorizationServerFeatures {
  /** RFC 7591 at `/register`; a tenant may switch it off (DCR-09). */
  readonly dynamicRegistration: boolean;
  /** `client_id` may be the URL of a metadata document (CIMD-01). */
  readonly clientIdMetadataDocuments: boolean;
  /** Requests must be pushed (RFC 9126 §5); that they may be is always so. */
  readonly pushedRequestsOnly: boolean;
}

/** What is offered unless said otherwise. */
export const DEFAULT_FEATURES: AuthorizationServerFeatures = {
  dynamicRegistration: true,
  clientIdMetadataDocuments: false,
  pushedRequestsOnly: false,
};

export interface AuthorizationServerDescription {
  /** The issuer identifier exactly as stored: clients compare it as a string (AS-06). */
  readonly issuer: string;
  /** The scopes of the resources that this server protects; the issuer's own are added (AS-29). */
  readonly scopes: readonly string[];
  /** The most that any client can have here; what is above it is not offered. Absent for no limit. */
  readonly scopeCeiling?: readonly string[] | undefined;
  /** Identifiers of the resources whose tokens this server issues (RFC 9728 §4; MT-08). */
  readonly resources?: readonly string[] | undefined;
  /** In which DPoP proofs may be signed (RFC 9449 §5.1, DPOP-01). */
  readonly dpopAlgs?: readonly string[] | undefined;
  /** The languages of its pages (BCP 47). */
  readonly languages: readonly string[];
  /** Where enforcement points follow what is revoked. */
  readonly revocationFeed?: string | undefined;
  readonly features?: Partial<AuthorizationServerFeatures> | undefined;
}

/** RFC 8414 §2, as far as we publish it. */
export interface AuthorizationServerMetadata {
  readonly issuer: string;
  readonly authorization_endpoint: string;
  readonly token_endpoint: string;
  readonly registration_endpoint?: string;
  readonly pushed_authorization_request_endpoint: string;
  readonly require_pushed_authorization_requests?: true;
  readonly revocation_endpoint: string;
  readonly introspection_endpoint: string;
  readonly userinfo_endpoint: string;
  readonly end_session_endpoint: string;
  readonly jwks_uri: string;
  readonly scopes_supported: readonly string[];
  readonly response_types_supported: readonly string[];
  readonly response_modes_supported: readonly string[];
  readonly grant_types_supported: readonly string[];
  readonly code_challenge_methods_supported: readonly string[];
  readonly token_endpoint_auth_methods_supported: readonly string[];
  readonly token_endpoint_auth_signing_alg_values_supported: readonly string[];
  readonly revocation_endpoint_auth_methods_supported: readonly string[];
  readonly revocation_endpoint_auth_signing_alg_values_supported: readonly string[];
  readonly introspection_endpoint_auth_methods_supported: readonly string[];
  /** RFC 9701 §7. */
  readonly introspection_signing_alg_values_supported: readonly string[];
  readonly dpop_signing_alg_values_supported?: readonly string[];
  readonly authorization_response_iss_parameter_supported: true;
  readonly client_id_metadata_document_supported?: true;
  readonly protected_resources?: readonly string[];
  /** RFC 9470 §7. */
  readonly acr_values_supported: readonly string[];
  readonly ui_locales_supported: readonly string[];
  /** Ours, as RFC 8414 §2 allows: from the issuer alone an enforcement point finds everything. */
  readonly grantkeeper_revocation_feed?: string;
}

/** OpenID Connect Discovery §3 and RP-Initiated Logout §2.1: the same, with what OpenID Connect adds. */
export interface OpenIdConfiguration extends AuthorizationServerMetadata {
  readonly subject_types_supported: readonly string[];
  readonly id_token_signing_alg_values_supported: readonly string[];
  readonly prompt_values_supported: readonly string[];
  readonly claims_parameter_supported: false;
  readonly claims_supported: readonly string[];
  readonly request_parameter_supported: false;
  readonly request_uri_parameter_supported: false;
}

/** The RFC 8414 metadata of an issuer. Endpoints lie directly under it. */
export function authorizationServerMetadata({
  issuer,
  scopes,
  scopeCeiling,
  resources,
  dpopAlgs,
  languages,
  revocationFeed,
  features,
}: AuthorizationServerDescription): AuthorizationServerMetadata {
  const on = { ...DEFAULT_FEATURES, ...features };
  // Who somebody is and how long a link stays are no permissions: no ceiling is about them.
  const offered = (scope: string): boolean =>
    scopeCeiling === undefined || [...scopeCeiling, 'openid', 'offline_access'].includes(scope);
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    ...(on.dynamicRegistration ? { registration_endpoint: `${issuer}/register` } : {}),
    pushed_authorization_request_endpoint: `${issuer}/par`,
    ...(on.pushedRequestsOnly ? { require_pushed_authorization_requests: true as const } : {}),
    revocation_endpoint: `${issuer}/revoke`,
    introspection_endpoint: `${issuer}/introspect`,
    userinfo_endpoint: `${issuer}/userinfo`,
    end_session_endpoint: `${issuer}/logout`,
    jwks_uri: `${issuer}/jwks`,
    scopes_supported: [...new Set([...scopes, ...ISSUER_SCOPES])].filter(offered).sort(),
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: [...GRANT_TYPES, 'client_credentials'],
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: TOKEN_ENDPOINT_AUTH_METHODS,
    token_endpoint_auth_signing_alg_values_supported: CLIENT_SIGNING_ALGS,
    // Left out, it would mean client_secret_basic alone, and public clients could not revoke (RFC 8414 §2).
    revocation_endpoint_auth_methods_supported: TOKEN_ENDPOINT_AUTH_METHODS,
    revocation_endpoint_auth_signing_alg_values_supported: CLIENT_SIGNING_ALGS,
    // For enforcement points: clients do not introspect.
    introspection_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
    introspection_signing_alg_values_supported: ['ES256', 'RS256'],
    ...(dpopAlgs ? { dpop_signing_alg_values_supported: dpopAlgs } : {}),
    authorization_response_iss_parameter_supported: true,
    ...(on.clientIdMetadataDocuments ? { client_id_metadata_document_supported: true } : {}),
    ...(resources && resources.length > 0 ? { protected_resources: resources } : {}),
    acr_values_supported: AUTHENTICATION_CONTEXTS,
    ui_locales_supported: languages,
    ...(revocationFeed === undefined ? {} : { grantkeeper_revocation_feed: revocationFeed }),
  };
}

/** The OpenID Connect discovery document of the same issuer, for clients that look there (AS-04, AS-05). */
export function openIdConfiguration(description: AuthorizationServerDescription): OpenIdConfiguration {
  return {
    ...authorizationServerMetadata(description),
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ID_TOKEN_ALGS,
    claims_supported: [
      'iss',
      'sub',
      'aud',
      'exp',
      'iat',
      'auth_time',
      'acr',
      'amr',
      'nonce',
      'at_hash',
      'name',
      'email',
      'email_verified',
    ],
    prompt_values_supported: ['none', 'login', 'consent', 'select_account'],
    claims_parameter_supported: false,
    request_parameter_supported: false,
    // Left out, it would mean true (OpenID Connect Discovery §3). A pushed request's is another matter (RFC 9126 §5).
    request_uri_parameter_supported: false,
  };
}
