import { OAuthError } from '@grantkeeper/kernel';
import { isClientSigningAlg, type ClientSigningAlg } from './json-web-keys.ts';

/** RFC 7523 §2.2: the one kind of client assertion. */
export const CLIENT_ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

// Of the kinds of JWT that are about (RFC 8725 §3.11): this one's own name, and the two that say nothing.
const TYPES = ['client-authentication+jwt', 'jwt'];
const MAX_LIFETIME_SECONDS = 3_600;
const CLOCK_SKEW_SECONDS = 60;

/** What an assertion must be true of. */
export interface AssertionExpectation {
  readonly clientId: string;
  /** The issuer and the token endpoint (OA-19, AS-41). */
  readonly audiences: readonly string[];
  /** Seconds since 1970. */
  readonly now: number;
}

/** What is kept of an assertion that was accepted, so that it is accepted once. */
export interface AcceptedAssertion {
  readonly jti: string;
  /** Seconds since 1970 from when on it would be refused as expired. */
  readonly forgettableAt: number;
}

/** The header's algorithm and key id; rejects with `invalid_client` what is not a client assertion at all. */
export function readAssertionHeader(header: Readonly<Record<string, unknown>>): {
  alg: ClientSigningAlg;
  kid: string | undefined;
} {
  const { typ, alg, kid, crit } = header;
  if (typ !== undefined && !(typeof typ === 'string' && TYPES.includes(typ.toLowerCase()))) {
    throw refusal('is a JWT of another type');
  }
  // RFC 7515 §4.1.11: nothing critical is understood here.
  if (crit !== undefined) throw refusal('needs an extension that is not supported');
  if (!isClientSigningAlg(alg)) throw refusal('is signed with an algorithm that is not accepted');
  if (kid !== undefined && typeof kid !== 'string') throw refusal('has a key id that is not text');
  return { alg, kid };
}

/**
 * The client that an assertion names (RFC 7523 §3: `iss` and `sub`, CC-05). Nothing is proven yet.
 */
export function claimedClient(claims: Readonly<Record<string, unknown>>): string {
  const { iss, sub } = claims;
  // What PostgreSQL cannot hold is nobody's name.
  if (typeof sub !== 'string' || sub === '' || sub.length > 2_048 || sub.includes('\0') || !sub.isWellFormed())
    throw refusal('names no client');
  if (iss !== sub) throw refusal('must have the client as iss and as sub');
  return sub;
}

/**
 * Checks the claims of an assertion whose signature has been verified: one audience, this server (a list of several
 * could be replayed elsewhere, OA-19); an end within the hour; a `jti`, so that it is used once. Rejects with
 * `invalid_client`.
 */
export function checkAssertionClaims(
  claims: Readonly<Record<string, unknown>>,
  expected: AssertionExpectation,
): AcceptedAssertion {
  if (claimedClient(claims) !== expected.clientId) throw refusal('is about another client');
  const { aud, exp, iat, nbf, jti } = claims;
  const audience: unknown = Array.isArray(aud) && aud.length === 1 ? aud[0] : aud;
  if (typeof audience !== 'string' || !expected.audiences.includes(audience)) {
    throw refusal('must have the issuer or the token endpoint as its only audience');
  }
  if (!isTime(exp)) throw refusal('must have a time of expiry');
  if (exp + CLOCK_SKEW_SECONDS <= expected.now) throw refusal('has expired');
  if (exp > expected.now + MAX_LIFETIME_SECONDS + CLOCK_SKEW_SECONDS) throw refusal('must expire within an hour');
  for (const time of [iat, nbf]) {
    if (time === undefined) continue;
    if (!isTime(time)) throw refusal('has a time that is not a number');
    if (time > expected.now + CLOCK_SKEW_SECONDS) throw refusal('is not valid yet');
  }
  if (typeof jti !== 'string' || jti === '' || jti.length > 1_024) throw refusal('must have an id (jti)');
  return { jti, forgettableAt: Math.ceil(exp) + CLOCK_SKEW_SECONDS + 1 };
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function refusal(reason: string): OAuthError {
  return new OAuthError('invalid_client', `the client assertion ${reason}`);
}
