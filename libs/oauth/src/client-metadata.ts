import { OAuthError } from '@grantkeeper/kernel';
import { z } from 'zod';
import {
  CLIENT_SIGNING_ALGS,
  isClientSigningAlg,
  readPublicKeySet,
  type ClientSigningAlg,
  type PublicKeySet,
} from './json-web-keys.ts';
import { checkRegistrableRedirectUri, isLoopbackRedirect, type ApplicationType } from './redirect-uri.ts';
import { formatScope, parseScope } from './scope.ts';
import { hasPlainHost, splitUri } from './uri.ts';

/** How a client authenticates at the token endpoint. */
export type TokenEndpointAuthMethod = 'none' | 'private_key_jwt' | 'client_secret_post' | 'client_secret_basic';

/** The grant types that a client may register. */
export type ClientGrantType = 'authorization_code' | 'refresh_token' | 'client_credentials';

/** How an ID token may be signed (OpenID Connect Registration §2); RS256 unless a client registers otherwise. */
export type IdTokenAlg = 'RS256' | 'ES256';

/** What we keep of a client's metadata, in the words of RFC 7591 §2; nothing outside this list is stored or echoed. */
export interface ClientMetadata {
  readonly redirect_uris: readonly string[];
  readonly grant_types: readonly ClientGrantType[];
  readonly response_types: readonly ['code'];
  readonly token_endpoint_auth_method: TokenEndpointAuthMethod;
  /** Every method that the client may use, where it may use another than the one above (CIMD-10). */
  readonly token_endpoint_auth_methods_supported?: readonly TokenEndpointAuthMethod[];
  readonly token_endpoint_auth_signing_alg?: ClientSigningAlg;
  readonly jwks?: PublicKeySet;
  readonly jwks_uri?: string;
  readonly application_type: ApplicationType;
  readonly client_name?: string;
  readonly client_uri?: string;
  readonly logo_uri?: string;
  readonly policy_uri?: string;
  readonly tos_uri?: string;
  readonly scope?: string;
  readonly contacts?: readonly string[];
  readonly software_id?: string;
  readonly software_version?: string;
  readonly id_token_signed_response_alg?: IdTokenAlg;
  /** OpenID Connect RP-Initiated Logout §3.1. */
  readonly post_logout_redirect_uris?: readonly string[];
  /** RFC 9449 §5.2: every token request of the client proves a key. */
  readonly dpop_bound_access_tokens?: boolean;
  /** RFC 9126 §6: a request of the client that was not pushed is somebody else's. */
  readonly require_pushed_authorization_requests?: boolean;
}

/** The authentication methods on offer, in the order in which metadata documents list them. */
export const TOKEN_ENDPOINT_AUTH_METHODS: readonly TokenEndpointAuthMethod[] = [
  'none',
  'private_key_jwt',
  'client_secret_post',
  'client_secret_basic',
];

/** How ID tokens can be signed, the default first. */
export const ID_TOKEN_ALGS: readonly IdTokenAlg[] = ['RS256', 'ES256'];

/** The grant types on offer to whoever registers. */
export const GRANT_TYPES: readonly ClientGrantType[] = ['authorization_code', 'refresh_token'];

/** What the metadata of a client may hold, by who registers it. */
export interface ClientMetadataPolicy {
  /** Whether the client may act for itself (RFC 6749 §4.4): only an admin can let it. */
  readonly clientCredentials?: boolean;
}

const ANYONE: ClientMetadataPolicy = {};

const MAX_REDIRECT_URIS = 20;

// Clients send null and '' for what they do not have; both mean absent.
const optional = <T extends z.ZodType>(schema: T) =>
  z.preprocess((value) => (value === null || value === '' ? undefined : value), schema.optional());
// JSON columns hold neither U+0000 nor lone surrogates, and no identifier needs a control character.
const printable = (value: string) => value.isWellFormed() && !/\p{Cc}/u.test(value);
const string = (max: number) => z.string('must be a string').max(max, `must not be longer than ${max} characters`);
const text = (max: number) => optional(string(max).refine(printable, 'contains a character that is not allowed'));
const webPage = optional(
  z
    .string('must be a string')
    .refine((value) => splitUri(value)?.scheme.toLowerCase() === 'https', 'must be an https URL'),
);
const entry = z
  .string('must hold strings')
  .max(256, 'holds a value that is too long')
  .refine(printable, 'holds a character that is not allowed');
const list = z.array(entry, 'must be an array').max(20, 'has too many entries');

const request = z.object(
  {
    grant_types: optional(list),
    response_types: optional(list),
    token_endpoint_auth_method: text(64),
    application_type: optional(z.enum(['native', 'web'], 'must be native or web')),
    client_name: optional(string(200)),
    client_uri: webPage,
    logo_uri: webPage,
    policy_uri: webPage,
    tos_uri: webPage,
    scope: text(4_096),
    contacts: optional(list),
    software_id: text(256),
    software_version: text(256),
    id_token_signed_response_alg: optional(z.enum(ID_TOKEN_ALGS, `must be one of ${ID_TOKEN_ALGS.join(', ')}`)),
    dpop_bound_access_tokens: optional(z.boolean('must be true or false')),
    require_pushed_authorization_requests: optional(z.boolean('must be true or false')),
  },
  'the registration must be a JSON object',
);

/**
 * The metadata in a registration request (RFC 7591 §2, §3.1), with defaults filled in and unknown fields left out.
 * Rejects with `invalid_redirect_uri` or `invalid_client_metadata` (§3.2.2), naming the field. Grant and response
 * types that are not offered are dropped, as §3.2.1 lets a server do, as long as the code flow remains.
 */
export function readClientMetadata(body: unknown, policy: ClientMetadataPolicy = ANYONE): ClientMetadata {
  const parsed = request.safeParse(body);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw refusal([issue?.path[0], issue?.message].filter((part) => part !== undefined).join(' '));
  }
  const sent = parsed.data;
  const grantTypes = readGrantTypes(sent.grant_types, policy);
  const redirectUris = grantTypes.includes('authorization_code')
    ? readUris('redirect_uris', (body as { redirect_uris?: unknown }).redirect_uris)
    : [];
  const applicationType = sent.application_type ?? inferApplicationType(redirectUris);
  const { post_logout_redirect_uris: sentLogoutUris } = body as { post_logout_redirect_uris?: unknown };
  const logoutUris = isAbsent(sentLogoutUris) ? undefined : readUris('post_logout_redirect_uris', sentLogoutUris);
  for (const uri of [...redirectUris, ...(logoutUris ?? [])]) checkRegistrableRedirectUri(uri, applicationType);

  const name = sent.client_name === undefined ? undefined : displayText(sent.client_name);
  const authMethod = readAuthMethod(sent.token_endpoint_auth_method);
  return {
    redirect_uris: redirectUris,
    grant_types: grantTypes,
    response_types: readResponseTypes(sent.response_types),
    token_endpoint_auth_method: authMethod,
    ...(authMethod === 'private_key_jwt' ? readKeys(body as Record<string, unknown>) : {}),
    application_type: applicationType,
    ...(name ? { client_name: name } : {}),
    ...(sent.client_uri === undefined ? {} : { client_uri: sent.client_uri }),
    ...(sent.logo_uri === undefined ? {} : { logo_uri: sent.logo_uri }),
    ...(sent.policy_uri === undefined ? {} : { policy_uri: sent.policy_uri }),
    ...(sent.tos_uri === undefined ? {} : { tos_uri: sent.tos_uri }),
    ...(sent.scope === undefined ? {} : { scope: readScope(sent.scope) }),
    ...(sent.contacts === undefined ? {} : { contacts: sent.contacts }),
    ...(sent.software_id === undefined ? {} : { software_id: sent.software_id }),
    ...(sent.software_version === undefined ? {} : { software_version: sent.software_version }),
    ...(sent.id_token_signed_response_alg === undefined
      ? {}
      : { id_token_signed_response_alg: sent.id_token_signed_response_alg }),
    ...(logoutUris === undefined ? {} : { post_logout_redirect_uris: logoutUris }),
    ...(sent.dpop_bound_access_tokens ? { dpop_bound_access_tokens: true } : {}),
    ...(sent.require_pushed_authorization_requests ? { require_pushed_authorization_requests: true } : {}),
  };
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null || (Array.isArray(value) && value.length === 0);
}

function readUris(field: 'redirect_uris' | 'post_logout_redirect_uris', value: unknown): readonly string[] {
  if (!Array.isArray(value) || value.length === 0 || !value.every((uri) => typeof uri === 'string')) {
    throw new OAuthError('invalid_redirect_uri', `${field} must be an array with at least one redirect URI`);
  }
  if (value.length > MAX_REDIRECT_URIS) {
    throw new OAuthError('invalid_redirect_uri', `${field} must not hold more than ${MAX_REDIRECT_URIS} redirect URIs`);
  }
  return [...new Set(value)];
}

/**
 * OpenID Connect would say `web`, and so refuse the loopback redirects of clients that predate the parameter (DCR-03).
 * One redirect URI that only a native client can have is enough: editors register https and loopback together.
 */
function inferApplicationType(redirectUris: readonly string[]): ApplicationType {
  return redirectUris.some((uri) => isLoopbackRedirect(uri) || !/^https?:/i.test(uri)) ? 'native' : 'web';
}

// RFC 7591 §2 has the code alone as default and lets a server put other values in place: hosts that name no grant type
// still expect a link that outlives its first access token.
function readGrantTypes(
  value: readonly string[] = GRANT_TYPES,
  { clientCredentials }: ClientMetadataPolicy = ANYONE,
): readonly ClientGrantType[] {
  const types: readonly ClientGrantType[] = clientCredentials ? [...GRANT_TYPES, 'client_credentials'] : GRANT_TYPES;
  const offered = types.filter((type) => value.includes(type));
  if (!offered.includes('authorization_code') && !offered.includes('client_credentials')) {
    throw refusal('grant_types must include authorization_code');
  }
  return offered;
}

function readResponseTypes(value: readonly string[] = ['code']): readonly ['code'] {
  if (!value.includes('code')) throw refusal('response_types must include code');
  return ['code'];
}

function readAuthMethod(value = 'client_secret_basic'): TokenEndpointAuthMethod {
  const method = TOKEN_ENDPOINT_AUTH_METHODS.find((offered) => offered === value);
  if (!method) throw refusal(`token_endpoint_auth_method must be one of ${TOKEN_ENDPOINT_AUTH_METHODS.join(', ')}`);
  return method;
}

/** What `private_key_jwt` is verified with: keys, or where they are, never both (RFC 7591 §2). */
function readKeys(
  sent: Readonly<Record<string, unknown>>,
): Pick<ClientMetadata, 'jwks' | 'jwks_uri' | 'token_endpoint_auth_signing_alg'> {
  const alg = given(sent['token_endpoint_auth_signing_alg']);
  const jwks = given(sent['jwks']);
  const uri = given(sent['jwks_uri']);
  if (alg !== undefined && !isClientSigningAlg(alg)) {
    throw refusal(`token_endpoint_auth_signing_alg must be one of ${CLIENT_SIGNING_ALGS.join(', ')}`);
  }
  if ((jwks === undefined) === (uri === undefined))
    throw refusal('token_endpoint_auth_method private_key_jwt needs either jwks or jwks_uri');
  const signing = alg === undefined ? {} : { token_endpoint_auth_signing_alg: alg };
  if (jwks !== undefined) return { ...signing, jwks: readPublicKeySet(jwks) };
  const parts = typeof uri === 'string' ? splitUri(uri) : undefined;
  if (
    typeof uri !== 'string' ||
    parts?.scheme !== 'https' ||
    !hasPlainHost(uri, parts) ||
    parts.fragment !== undefined
  ) {
    throw refusal('jwks_uri must be an https URL');
  }
  return { ...signing, jwks_uri: uri };
}

function given(value: unknown): unknown {
  return value === null || value === '' ? undefined : value;
}

function readScope(value: string): string {
  try {
    return formatScope(parseScope(value));
  } catch (cause) {
    throw new OAuthError('invalid_client_metadata', 'scope is not a list of scopes separated by spaces', { cause });
  }
}

/** A name without what could make it look like another on a page: controls, bidirectional and invisible characters. */
function displayText(value: string): string {
  return value
    .toWellFormed()
    .normalize('NFC')
    .replace(/\s+/gu, ' ')
    .replace(/[\p{Cc}\u00AD\u061C\u200B\u200E\u200F\u2028-\u202E\u2060-\u2069\uFEFF]/gu, '')
    .trim();
}

function refusal(description: string): OAuthError {
  return new OAuthError('invalid_client_metadata', description);
}
