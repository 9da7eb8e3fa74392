import { OAuthError } from '@grantkeeper/kernel';

/**
 * The S256 challenge of an authorization request (RFC 7636 §4.3; AS-20, AS-21). Rejects with `invalid_request` when
 * there is none, when the method is not S256 (an absent method means `plain`, which is refused) and when the value
 * cannot be a SHA-256 digest in base64url.
 */
export function requireCodeChallenge(challenge: string | undefined, method: string | undefined): string {
  if (challenge === undefined)
    throw new OAuthError('invalid_request', 'code_challenge is missing: PKCE with S256 is required');
  if (method !== 'S256') throw new OAuthError('invalid_request', 'code_challenge_method must be S256');
  if (!/^[A-Za-z0-9_-]{43}$/.test(challenge)) {
    throw new OAuthError('invalid_request', 'code_challenge is not a base64url-encoded SHA-256 digest');
  }
  return challenge;
}

/** True for 43 to 128 unreserved characters, the syntax of a code verifier (RFC 7636 §4.1). */
export function isCodeVerifier(value: string): boolean {
  return /^[A-Za-z0-9._~-]{43,128}$/.test(value);
}
