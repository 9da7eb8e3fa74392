import { compactVerify, errors } from 'jose';
import type { CompactJWSHeaderParameters, CryptoKey, JWK, KeyObject } from 'jose';
import { readClaims } from './access-token-claims.ts';
import type { AccessTokenClaims } from './access-token-claims.ts';
import { TokenRefused } from './token-refused.ts';
import type { VerifiedToken, VerifiedTokens } from './verified-tokens.ts';

/** The algorithms in which access tokens are signed. A symmetric one here would make every verifier an issuer. */
export const ACCESS_TOKEN_ALGORITHMS = ['ES256', 'RS256'] as const;
export type AccessTokenAlgorithm = (typeof ACCESS_TOKEN_ALGORITHMS)[number];

/** What the header of a token says about the key that signed it. Not yet verified. */
export interface KeyHint {
  readonly kid: string;
  readonly alg: AccessTokenAlgorithm;
}

/**
 * Finds the issuer's public key, or undefined when the issuer has no such key *for that algorithm*. What it throws
 * reaches the caller of `verify` as it is: not knowing is not a reason to refuse, nor to accept.
 */
export type KeySource = (hint: KeyHint) => Promise<VerificationKey | undefined> | VerificationKey | undefined;
export type VerificationKey = CryptoKey | KeyObject | JWK;

/** Decides whether an access token is genuine and meant for this resource; whether it still stands is another question. */
export abstract class TokenVerifier {
  /**
   * The token's claims. `provenKey` is the thumbprint of the key that the sender has proven to hold: then the token must
   * be bound to that key, and without it to none (RFC 9449 §7.1). Throws `TokenRefused`, or whatever kept it from finding
   * the issuer's key.
   */
  abstract verify(token: string, provenKey?: string): Promise<AccessTokenClaims>;
}

export interface AccessTokenVerifierOptions {
  /** The one issuer whose tokens are accepted, compared exactly. */
  readonly issuer: string;
  /** The identifier of this resource, compared exactly; the issuer itself, which has many resources, gives a test. */
  readonly audience: string | ((audience: string) => boolean);
  /** The id of the tenant that owns the resource. */
  readonly tenant: string;
  readonly jwks: KeySource;
  /** `unchecked` for whoever only looks at a token and serves nobody for it: revocation, introspection. */
  readonly possession?: 'checked' | 'unchecked';
  /** How far clocks may differ, in seconds. 5 unless given. */
  readonly clockSkew?: number;
  /** Seconds since 1970. */
  readonly now?: () => number;
  /** Remembers whose signature has been verified; may be shared between resources. Without it every call verifies. */
  readonly verified?: VerifiedTokens;
}

/** Longer tokens are refused unread: a header field has to hold them anyway. */
const LONGEST_TOKEN = 8192;

/**
 * Verifies RFC 9068 access tokens for one resource of one tenant. A token that has been verified with the very key that
 * the issuer has now is not verified again; recipient and times are judged on every call.
 */
export class AccessTokenVerifier extends TokenVerifier {
  readonly #options: AccessTokenVerifierOptions;
  readonly #skew: number;
  readonly #now: () => number;

  constructor(options: AccessTokenVerifierOptions) {
    super();
    this.#options = options;
    this.#skew = options.clockSkew ?? 5;
    this.#now = options.now ?? (() => Date.now() / 1000);
  }

  override async verify(token: string, provenKey?: string): Promise<AccessTokenClaims> {
    const known = this.#options.verified?.get(token);
    const verified = known && (await this.#keyFor(known.hint)) === known.key ? known : await this.#read(token);
    const { claims } = verified;
    this.#checkRecipient(claims);
    this.#checkTimes(claims);
    if (verified !== known) this.#options.verified?.add(token, verified);
    if (this.#options.possession !== 'unchecked') checkPossession(claims, provenKey);
    return claims;
  }

  async #keyFor(hint: KeyHint): Promise<VerificationKey> {
    const key = await this.#options.jwks(hint);
    if (key === undefined) throw new TokenRefused('unknown_key');
    return key;
  }

  /** The header is judged before a key is looked for, so that junk costs no look-up. */
  async #read(token: string): Promise<VerifiedToken> {
    if (token.length > LONGEST_TOKEN) throw new TokenRefused('malformed');
    let found: { readonly hint: KeyHint; readonly key: VerificationKey } | undefined;
    const payload = await verifiedPayload(token, async (header) => {
      const hint = judgeHeader(header);
      found = { hint, key: await this.#keyFor(hint) };
      return found.key;
    });
    const { hint, key } = found!;
    return { hint, key, claims: readClaims(payload, hint.kid) };
  }

  /** Issuer, audience and tenant, each by itself: two tenants may share a key one day (MT-04). */
  #checkRecipient(claims: AccessTokenClaims): void {
    if (claims.issuer !== this.#options.issuer) throw new TokenRefused('wrong_issuer');
    const { audience } = this.#options;
    if (typeof audience === 'string' ? claims.audience !== audience : !audience(claims.audience)) {
      throw new TokenRefused('wrong_audience');
    }
    if (claims.tenant !== this.#options.tenant) throw new TokenRefused('wrong_tenant');
  }

  #checkTimes({ expiresAt, notBefore, issuedAt }: AccessTokenClaims): void {
    const now = this.#now();
    if (expiresAt <= now - this.#skew) throw new TokenRefused('expired');
    if (Math.max(notBefore ?? issuedAt, issuedAt) > now + this.#skew) throw new TokenRefused('not_yet_valid');
  }
}

/** A bound token comes with a proof of its key, any other without one (RFC 9449 §7.1). Throws `TokenRefused`. */
export function checkPossession({ keyThumbprint }: AccessTokenClaims, provenKey: string | undefined): void {
  if (keyThumbprint === provenKey) return;
  if (provenKey === undefined) throw new TokenRefused('proof_required');
  throw new TokenRefused(keyThumbprint === undefined ? 'not_bound' : 'wrong_proof_key');
}

function judgeHeader({ typ, alg, kid }: CompactJWSHeaderParameters): KeyHint {
  // RFC 9068 §2.1 allows the full media type as well; media types are case-insensitive.
  if (typeof typ !== 'string' || !/^(?:application\/)?at\+jwt$/i.test(typ)) throw new TokenRefused('wrong_type');
  const known = ACCESS_TOKEN_ALGORITHMS.find((name) => name === alg);
  if (known === undefined) throw new TokenRefused('wrong_algorithm');
  if (typeof kid !== 'string' || kid === '') throw new TokenRefused('unknown_key');
  return { kid, alg: known };
}

/** `keyOf` is given the header, which nobody has verified yet; what it throws is thrown. */
async function verifiedPayload(
  token: string,
  keyOf: (header: CompactJWSHeaderParameters) => Promise<VerificationKey>,
): Promise<Record<string, unknown>> {
  let keyless: unknown;
  let payload: Uint8Array;
  try {
    ({ payload } = await compactVerify(token, (header) =>
      keyOf(header).catch((error: unknown) => {
        keyless = error;
        throw error;
      }),
    ));
  } catch (cause) {
    if (keyless !== undefined) throw keyless;
    if (cause instanceof errors.JWSSignatureVerificationFailed) throw new TokenRefused('bad_signature', { cause });
    // jose refuses a key that is not for the algorithm with a TypeError.
    if (cause instanceof TypeError) throw new TokenRefused('wrong_algorithm', { cause });
    if (cause instanceof errors.JOSEError) throw new TokenRefused('malformed', { cause });
    throw cause;
  }
  return parseObject(payload);
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function parseObject(bytes: Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(bytes));
  } catch {
    // Without its cause: a JSON error quotes what it could not read.
    throw new TokenRefused('malformed');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TokenRefused('malformed');
  return value as Record<string, unknown>;
}
