import { OAuthError } from '@grantkeeper/kernel';
import type { Parameters } from '@grantkeeper/oauth';
import { hashSecret } from '@grantkeeper/tokens';

/** How a client identified itself at a protocol endpoint; whether it is true, the database decides. */
export interface PresentedClient {
  readonly clientId: string;
  readonly authMethod: 'none' | 'client_secret_basic' | 'client_secret_post';
  /** Hex; null when the client sent no secret. */
  readonly secretHash: string | null;
}

/**
 * Reads the client's identity (OAuth 2.1 §2.4): one method per request (AS-40); Basic credentials are form-urlencoded
 * before they are encoded (AS-39). Rejects with `invalid_request` or `invalid_client`.
 */
export function readClient(parameters: Parameters, authorization: string | undefined): PresentedClient {
  const basic = authorization === undefined ? undefined : readBasic(authorization);
  const secret = parameters.get('client_secret');
  if (parameters.get('client_assertion') !== undefined || parameters.get('client_assertion_type') !== undefined) {
    throw new OAuthError('invalid_client', 'client assertions are not accepted here');
  }
  if (basic && secret !== undefined) throw new OAuthError('invalid_request', 'the client authenticated in two ways');
  const named = parameters.get('client_id');
  if (basic) {
    if (named !== undefined && named !== basic.id)
      throw new OAuthError('invalid_request', 'client_id is not the one that authenticated');
    return {
      clientId: basic.id,
      authMethod: 'client_secret_basic',
      secretHash: hashSecret(basic.secret).toString('hex'),
    };
  }
  if (named === undefined) throw new OAuthError('invalid_client', 'the client did not identify itself');
  if (secret === undefined) return { clientId: named, authMethod: 'none', secretHash: null };
  return { clientId: named, authMethod: 'client_secret_post', secretHash: hashSecret(secret).toString('hex') };
}

function readBasic(authorization: string): { id: string; secret: string } {
  const [scheme, credentials] = authorization.split(' ', 2);
  if (scheme?.toLowerCase() !== 'basic' || !credentials)
    throw new OAuthError('invalid_client', 'the Authorization header is not Basic');
  const text = Buffer.from(credentials, 'base64').toString();
  const colon = text.indexOf(':');
  if (colon < 1) throw new OAuthError('invalid_client', 'the Basic credentials could not be read');
  try {
    const decode = (part: string) => decodeURIComponent(part.replaceAll('+', ' '));
    const credentialsRead = { id: decode(text.slice(0, colon)), secret: decode(text.slice(colon + 1)) };
    if (!credentialsRead.id.includes('\0')) return credentialsRead;
  } catch {
    // Said below.
  }
  throw new OAuthError('invalid_client', 'the Basic credentials are not form-urlencoded text');
}
