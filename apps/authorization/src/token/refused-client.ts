import { OAuthError } from '@grantkeeper/kernel';

/** `invalid_client`, which makes hosts register anew (CL-08, CLD-09): so only when the client itself is at fault. */
export function refusedClient(because: string | undefined): OAuthError {
  if (because === 'unknown_client') return new OAuthError('invalid_client', 'the client is not known here');
  if (because === 'wrong_method') return new OAuthError('invalid_client', 'the client is public and has no secret');
  return new OAuthError('invalid_client', 'client authentication failed');
}
