import { OAuthError } from '@grantkeeper/kernel';
import { hashSecret } from '@grantkeeper/tokens';

/** SHA-256 in hex of the Bearer token in an Authorization header (RFC 6750 §2.1), or undefined when there is none. */
export function bearerHash(authorization: string | undefined): string | undefined {
  const token = /^Bearer ([A-Za-z0-9._~+/=-]{1,512})$/i.exec(authorization ?? '')?.[1];
  return token === undefined ? undefined : hashSecret(token).toString('hex');
}

/** 401, as RFC 7592 §2 wants it for a token that is wrong, ended or of a client that is gone. */
export function refusedManagement(): OAuthError {
  return new OAuthError('invalid_token', 'the registration access token is not valid for this client');
}
