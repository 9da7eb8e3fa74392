/** Why an access token was refused. For logs and counters; callers of the resource learn less (RFC 6750 §3.1). */
export type TokenRefusal =
  /** Not a compact JWS with JSON header and claims, too long, or a claim is missing or of the wrong type. */
  | 'malformed'
  /** The header's `typ` is not `at+jwt`: an ID token, a plain JWT (RFC 9068 §4). */
  | 'wrong_type'
  /** The header's `alg` is not on the list: `none`, a symmetric algorithm, one that the key is not for. */
  | 'wrong_algorithm'
  /** The issuer has no such key, or has revoked it. */
  | 'unknown_key'
  | 'bad_signature'
  | 'wrong_issuer'
  | 'wrong_audience'
  | 'wrong_tenant'
  | 'expired'
  /** `nbf` or `iat` lies in the future. */
  | 'not_yet_valid'
  /** It is bound to a key and came as a bearer token (RFC 9449 §7.2). */
  | 'proof_required'
  /** A key was proven, and the token is bound to none. */
  | 'not_bound'
  /** A key was proven, and the token is bound to another one. */
  | 'wrong_proof_key'
  /** The issuer, asked about it, does not stand by it. */
  | 'inactive';

/** The access token is not to be accepted. The message never quotes the token. */
export class TokenRefused extends Error {
  override readonly name = 'TokenRefused';
  constructor(
    readonly reason: TokenRefusal,
    options?: { cause?: unknown },
  ) {
    super(`The access token was refused: ${reason}.`, options);
  }
}
