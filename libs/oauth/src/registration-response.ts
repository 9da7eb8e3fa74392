import type { ClientMetadata } from './client-metadata.ts';

/** A client as it was just registered. Times are seconds since 1970. */
export interface RegisteredClient {
  readonly clientId: string;
  readonly issuedAt: number;
  readonly metadata: ClientMetadata;
  /** Present for clients that authenticate with a secret; `expiresAt` 0 means never. */
  readonly secret?: { readonly value: string; readonly expiresAt: number } | undefined;
  /** Where the client manages its registration and with what (RFC 7592 §3); no token where it goes on using the one it has. */
  readonly management?: { readonly uri: string; readonly token?: string };
}

/** The client information response (RFC 7591 §3.2.1; DCR-05). */
export type RegistrationResponse = ClientMetadata & {
  readonly client_id: string;
  readonly client_id_issued_at: number;
  readonly client_secret?: string;
  readonly client_secret_expires_at?: number;
  readonly registration_client_uri?: string;
  readonly registration_access_token?: string;
};

/** The registration response for `client`: its id, its secret if it has one, and the metadata as registered. */
export function registrationResponse(client: RegisteredClient): RegistrationResponse {
  const { clientId, issuedAt, metadata, secret, management } = client;
  return {
    client_id: clientId,
    client_id_issued_at: issuedAt,
    ...(secret ? { client_secret: secret.value, client_secret_expires_at: secret.expiresAt } : {}),
    ...(management ? { registration_client_uri: management.uri } : {}),
    ...(management?.token === undefined ? {} : { registration_access_token: management.token }),
    ...metadata,
  };
}
