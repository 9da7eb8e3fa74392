import { OAuthError } from '@grantkeeper/kernel';

/** `invalid_client`, which makes hosts register anew (CL-08, CLD-09): so only when the client itself is at fault. */
export function refusedClient(because: string | undefined): OAuthError {
  if (because === 'unknown_client') return new OAuthError('invalid_client', 'the client is not known here');
  if (because === 'client_changed') {
    // Between the check of its signature and the statement: the next try meets the client as it is now.
    return new OAuthError('temporarily_unavailable', 'the metadata of the client has just changed');
  }
  if (because === 'assertion_replayed') return new OAuthError('invalid_client', 'the client assertion was used before');
  if (because === 'assertion_required')
    return new OAuthError('invalid_client', 'the client must authenticate with private_key_jwt');
  if (because === 'no_assertions') return new OAuthError('invalid_client', 'the client does not use private_key_jwt');
  if (because === 'wrong_method') return new OAuthError('invalid_client', 'the client is public and has no secret');
  return new OAuthError('invalid_client', 'client authentication failed');
}
