import { type ClientMetadata, clientSubjects } from '@grantkeeper/oauth';
import { s256 } from '@grantkeeper/tokens';

/** One version of a client's metadata, with what it is compared and ruled by. */
export interface ClientMetadataVersion {
  readonly metadata: ClientMetadata;
  /** SHA-256 of the metadata as it is kept, base64url. */
  readonly metadataDigest: string;
  readonly subjects: readonly string[];
}

export function clientVersion(clientId: string, metadata: ClientMetadata): ClientMetadataVersion {
  return {
    metadata,
    metadataDigest: s256(JSON.stringify(metadata)),
    subjects: clientSubjects(clientId, metadata),
  };
}
