import type { ClientVersion } from '@grantkeeper/domain';
import { DomainError, OAuthError } from '@grantkeeper/kernel';
import { type ClientMetadata, clientSubjects, readClientMetadata } from '@grantkeeper/oauth';
import { s256 } from '@grantkeeper/tokens';

/** The metadata of a client as an admin gives it, by the rules that hold for every client; more may be allowed to it. */
export function readRegisteredMetadata(body: unknown): ClientMetadata {
  const metadata = translated(() => readClientMetadata(body, { clientCredentials: true }));
  if (metadata.grant_types.includes('client_credentials') && metadata.token_endpoint_auth_method === 'none') {
    throw invalid('grant_types may hold client_credentials only for a client that authenticates');
  }
  return metadata;
}

/** The version of a client that is kept: without the addresses of people, which nobody decides on. */
export function versionOf(clientId: string, metadata: ClientMetadata): ClientVersion & { readonly authMethod: string } {
  const { contacts: _contacts, ...kept } = metadata;
  return {
    metadata: kept as unknown as ClientVersion['metadata'],
    metadataDigest: s256(JSON.stringify(kept)),
    subjects: clientSubjects(clientId, metadata),
    authMethod: metadata.token_endpoint_auth_method,
  };
}

function translated<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    throw error instanceof OAuthError ? invalid(error.description) : error;
  }
}

function invalid(message: string): DomainError {
  return new DomainError('client.invalid_metadata', message, 'invalid', 'metadata');
}
