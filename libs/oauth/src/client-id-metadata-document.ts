import { OAuthError } from '@grantkeeper/kernel';
import { readClientMetadata, type ClientMetadata, type TokenEndpointAuthMethod } from './client-metadata.ts';
import { CLIENT_SIGNING_ALGS, isClientSigningAlg, refusePrivateKeys } from './json-web-keys.ts';
import { checkRegistrableRedirectUri, isLoopbackRedirect } from './redirect-uri.ts';

/** Ways for a client that has no secret with us: a document that anyone reads can hold none (CIMD-08). */
const METHODS = ['private_key_jwt', 'none'] as const satisfies readonly TokenEndpointAuthMethod[];
const SHARED_SECRETS = ['client_secret_basic', 'client_secret_post', 'client_secret_jwt'];

/**
 * The metadata in a client id metadata document (draft-ietf-oauth-client-id-metadata-document-02; documents of -00
 * pass). `clientId` is the URL that it was fetched from, compared as a string (CIMD-03).
 *
 * A closed list: what is left out is neither kept nor shown. `logo_uri` is: it would be fetched from wherever a
 * stranger says, or let them watch people consent (CIMD-18). Redirect URIs that may not be used here are dropped, as
 * long as one remains, so that a client is not refused for a scheme of its desktop app.
 *
 * Rejects with `invalid_client_metadata` or `invalid_redirect_uri`, naming the field.
 */
export function readClientIdMetadataDocument(clientId: string, document: unknown): ClientMetadata {
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw refusal('the document must be a JSON object');
  }
  const fields = document as Record<string, unknown>;
  if (fields['client_id'] !== clientId) throw refusal('client_id must be the URL of the document, letter by letter');
  for (const field of ['client_secret', 'client_secret_expires_at']) {
    if (fields[field] != null) throw refusal(`${field} must not be in a document that anyone can read`);
  }
  refusePrivateKeys(fields['jwks']);
  const methods = methodsOf(fields);
  const preferred = methods.find((method) => method === fields['token_endpoint_auth_method']) ?? methods[0];
  const {
    logo_uri: _logo,
    contacts: _contacts,
    software_id: _id,
    software_version: _version,
    ...kept
  } = readClientMetadata({
    ...fields,
    redirect_uris: usableRedirectUris(fields['redirect_uris']),
    // So that keys are read, whichever of the methods is preferred.
    token_endpoint_auth_method: methods.includes('private_key_jwt') ? 'private_key_jwt' : 'none',
  });
  if (kept.client_name === undefined) throw refusal('client_name is missing');
  return { ...kept, token_endpoint_auth_method: preferred, token_endpoint_auth_methods_supported: methods };
}

/**
 * One text for all documents that say the same: the order of members and of lists, which mean nothing, is made one.
 * A version of a client's metadata is named by the digest of this text.
 */
export function canonicalMetadata(metadata: ClientMetadata): string {
  return JSON.stringify(canonical(metadata));
}

/** The fields in which two versions of a client's metadata differ, by name. */
export function changedFields(before: ClientMetadata, after: ClientMetadata): readonly (keyof ClientMetadata)[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])] as (keyof ClientMetadata)[];
  return names
    .filter((name) => JSON.stringify(canonical(before[name])) !== JSON.stringify(canonical(after[name])))
    .sort();
}

/**
 * The authentication methods that may be used: those of the document that are on offer (OA-18, CIMD-10). The list of
 * several wins over the single one, which then is a preference. A document that names none but publishes keys means
 * them to be used: the way without proof is not an attacker's to choose.
 */
function methodsOf(
  fields: Readonly<Record<string, unknown>>,
): readonly [TokenEndpointAuthMethod, ...TokenEndpointAuthMethod[]] {
  const one = fields['token_endpoint_auth_method'] ?? undefined;
  const several = fields['token_endpoint_auth_methods_supported'] ?? undefined;
  const hasKeys = fields['jwks'] != null || fields['jwks_uri'] != null;
  if (one !== undefined && typeof one !== 'string') throw refusal('token_endpoint_auth_method must be a string');
  if (one !== undefined && SHARED_SECRETS.includes(one)) {
    throw refusal('token_endpoint_auth_method must not be one with a shared secret');
  }
  if (several !== undefined && !Array.isArray(several)) {
    throw refusal('token_endpoint_auth_methods_supported must be an array');
  }
  const named: readonly unknown[] = several ?? (one === undefined ? [hasKeys ? 'private_key_jwt' : 'none'] : [one]);
  const alg = fields['token_endpoint_auth_signing_alg'] ?? undefined;
  const canSign = hasKeys && (alg === undefined || isClientSigningAlg(alg));
  const [first, ...others] = METHODS.filter((method) => named.includes(method) && (method === 'none' || canSign));
  if (first === undefined) {
    throw refusal(
      named.includes('private_key_jwt')
        ? `private_key_jwt needs jwks or jwks_uri, and an algorithm of ${CLIENT_SIGNING_ALGS.join(', ')}`
        : `token_endpoint_auth_method must be one of ${METHODS.join(', ')}`,
    );
  }
  return [first, ...others];
}

function usableRedirectUris(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  let first: unknown;
  const usable = value.filter((uri) => {
    if (typeof uri !== 'string') return true;
    try {
      checkRegistrableRedirectUri(uri, isLoopbackRedirect(uri) ? 'native' : 'web');
      return true;
    } catch (error) {
      first ??= error;
      return false;
    }
  });
  if (usable.length === 0 && first !== undefined) throw first;
  return usable;
}

function canonical(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value
      .map((item) => JSON.stringify(canonical(item)))
      .sort()
      .map((item) => JSON.parse(item) as unknown);
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, item]) => [name, canonical(item)]),
  );
}

function refusal(description: string): OAuthError {
  return new OAuthError('invalid_client_metadata', description);
}
