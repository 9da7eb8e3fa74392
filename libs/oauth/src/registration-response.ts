import type { ClientMetadata } from './client-metadata.ts';

/** A client as it was just registered. Times are seconds since 1970. */
export interface RegisteredClient {
  readonly clientId: string;
  readonly issuedAt: number;
  readonly metadata: ClientMetadata;
  /** Present for clients that authenticate with a secret; `expiresAt` 0 means never. */
  readonly secret?: { readonly value: string; readonly expiresAt: number } | undefined;
}

/** The client information response (RFC 7591 §3.2.1; DCR-05). */
export type RegistrationResponse = ClientMetadata & {
  readonly client_id: string;
  readonly client_id_issued_at: number;
  readonly client_secret?: string;
  readonly client_secret_expires_at?: number;
};

/** The registration response for `client`: its id, its secret if it has one, and the metadata as registered. */
export function registrationResponse({ clientId, issuedAt, metadata, secret }: RegisteredClient): RegistrationResponse {
  return {
    client_id: clientId,
    client_id_issued_at: issuedAt,
    ...(secret ? { client_secret: secret.value, client_secret_expires_at: secret.expiresAt } : {}),
    ...metadata,
  };
}
