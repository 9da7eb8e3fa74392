import { OAuthError } from '@grantkeeper/kernel';
import { type ClientMetadata, readClientMetadata } from './client-metadata.ts';

/** What the server alone says of a registration: a client that sends it back has misread the answer (RFC 7592 §2.2). */
const OURS = [
  'registration_access_token',
  'registration_client_uri',
  'client_secret_expires_at',
  'client_id_issued_at',
];

/**
 * The metadata in an update of a registration (RFC 7592 §2.2), whole: what is left out is taken away. It must name the
 * client's own id, and may repeat its secret. The authentication method stays, since links depend on it. Rejects with
 * `invalid_redirect_uri` or `invalid_client_metadata`.
 */
export function readRegistrationUpdate(
  body: unknown,
  clientId: string,
  before: ClientMetadata,
): { readonly metadata: ClientMetadata; readonly secret: string | undefined } {
  const metadata = readClientMetadata(body);
  const sent = body as Readonly<Record<string, unknown>>;
  if (sent['client_id'] !== clientId) throw refusal('client_id must be the id of this client');
  const ours = OURS.find((field) => sent[field] !== undefined);
  if (ours) throw refusal(`${ours} must not be sent`);
  const secret = sent['client_secret'];
  if (secret !== undefined && (typeof secret !== 'string' || secret.length > 512)) {
    throw refusal('client_secret is not the one of this client');
  }
  if (metadata.token_endpoint_auth_method !== before.token_endpoint_auth_method) {
    throw refusal(`token_endpoint_auth_method must stay ${before.token_endpoint_auth_method}: register anew instead`);
  }
  return { metadata, secret };
}

function refusal(description: string): OAuthError {
  return new OAuthError('invalid_client_metadata', description);
}
