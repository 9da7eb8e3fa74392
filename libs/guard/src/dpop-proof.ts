import { createHash } from 'node:crypto';
import { calculateJwkThumbprint, compactVerify, decodeProtectedHeader, EmbeddedJWK, errors } from 'jose';
import type { JWK } from 'jose';

/** The algorithms in which proofs are accepted: asymmetric ones only (RFC 9449 §11.6, DPOP-01). */
export const DPOP_ALGORITHMS: readonly string[] = ['ES256', 'ES384', 'Ed25519', 'EdDSA', 'PS256', 'RS256'];

/** How far, in seconds, `iat` may lie in the past or in the future (DPOP-03). */
export const DPOP_WINDOW = 300;

/** Longer proofs are refused unread. */
const LONGEST_PROOF = 4096;
const LONGEST_ID = 256;

/** A proof that holds for the request it came with. Whether it has been used before, and its nonce, are other questions. */
export interface DpopProof {
  /** RFC 7638 thumbprint (SHA-256, base64url) of the key that made it: `jkt`. */
  readonly keyThumbprint: string;
  /** SHA-256, base64url, over key, `htu` and `jti`: the same for the same proof, and for no other (RFC 9449 §11.1). */
  readonly id: string;
  /** Seconds since 1970 from which on the proof is too old to be accepted, and so need not be remembered. */
  readonly expiresAt: number;
  /** As the sender put it there. */
  readonly nonce: string | undefined;
}

/** What a proof must be for. */
export interface ProofExpectation {
  /** Method of the request. */
  readonly method: string;
  /** URL of the endpoint as its callers know it; query and fragment do not count. */
  readonly url: string;
  /** The access token that came with the proof; none at a token endpoint. */
  readonly accessToken?: string;
  /** Seconds since 1970. */
  readonly now?: number;
}

/** Why a proof was refused; safe to be told to its sender. */
export type DpopRefusal =
  | 'malformed'
  | 'wrong_type'
  | 'wrong_algorithm'
  | 'bad_key'
  | 'bad_signature'
  | 'wrong_method'
  | 'wrong_url'
  | 'wrong_access_token'
  | 'too_old'
  | 'from_the_future'
  | 'replayed';

const sentences: Readonly<Record<DpopRefusal, string>> = {
  malformed: 'the DPoP proof is not a JWT with jti, htm, htu and iat',
  wrong_type: 'the DPoP proof is not of typ dpop+jwt',
  wrong_algorithm: `the DPoP proof must be signed with one of ${DPOP_ALGORITHMS.join(', ')}`,
  bad_key: 'the jwk of the DPoP proof is not a public key for its alg',
  bad_signature: 'the signature of the DPoP proof is wrong',
  wrong_method: 'htm of the DPoP proof is not the method of the request',
  wrong_url: 'htu of the DPoP proof is not the URL of the request',
  wrong_access_token: 'ath of the DPoP proof is not the hash of the access token',
  too_old: 'iat of the DPoP proof is too old',
  from_the_future: 'iat of the DPoP proof is in the future',
  replayed: 'the DPoP proof has been used before',
};

/** The proof is not to be accepted. The message never quotes it. */
export class DpopProofRefused extends Error {
  override readonly name = 'DpopProofRefused';
  constructor(
    readonly reason: DpopRefusal,
    options?: { cause?: unknown },
  ) {
    super(sentences[reason], options);
  }
}

/**
 * Checks a proof by RFC 9449 §4.3, all but nonce and replay. `header` is the value of the request's `DPoP` header; the
 * values of two headers, joined by a comma, are malformed. Throws `DpopProofRefused`.
 */
export async function verifyDpopProof(header: string, expected: ProofExpectation): Promise<DpopProof> {
  const jwk = readHeader(header);
  const claims = readClaims(await verifiedPayload(header));
  if (claims.htm !== expected.method) throw new DpopProofRefused('wrong_method');
  if (withoutQuery(claims.htu) !== withoutQuery(expected.url)) throw new DpopProofRefused('wrong_url');
  const now = expected.now ?? Date.now() / 1000;
  if (claims.iat < now - DPOP_WINDOW) throw new DpopProofRefused('too_old');
  if (claims.iat > now + DPOP_WINDOW) throw new DpopProofRefused('from_the_future');
  if (expected.accessToken !== undefined && claims.ath !== sha256(expected.accessToken)) {
    throw new DpopProofRefused('wrong_access_token');
  }
  const keyThumbprint = await calculateJwkThumbprint(jwk);
  return {
    keyThumbprint,
    id: sha256(JSON.stringify([keyThumbprint, withoutQuery(claims.htu), claims.jti])),
    expiresAt: Math.ceil(claims.iat) + DPOP_WINDOW,
    nonce: claims.nonce,
  };
}

/** Type, algorithm and key, before anything is computed with them. */
function readHeader(proof: string): JWK {
  if (proof.length > LONGEST_PROOF) throw new DpopProofRefused('malformed');
  let header: ReturnType<typeof decodeProtectedHeader>;
  try {
    header = decodeProtectedHeader(proof);
  } catch (cause) {
    throw new DpopProofRefused('malformed', { cause });
  }
  const { typ, alg, jwk } = header;
  if (typeof typ !== 'string' || !/^(?:application\/)?dpop\+jwt$/i.test(typ)) throw new DpopProofRefused('wrong_type');
  if (alg === undefined || !DPOP_ALGORITHMS.includes(alg)) throw new DpopProofRefused('wrong_algorithm');
  // §4.3 no. 7: whoever sends the private half has lost it.
  if (typeof jwk !== 'object' || jwk === null || 'd' in jwk || 'k' in jwk) throw new DpopProofRefused('bad_key');
  return jwk;
}

async function verifiedPayload(proof: string): Promise<Uint8Array> {
  try {
    return (await compactVerify(proof, EmbeddedJWK, { algorithms: [...DPOP_ALGORITHMS] })).payload;
  } catch (cause) {
    if (cause instanceof errors.JWSSignatureVerificationFailed) throw new DpopProofRefused('bad_signature', { cause });
    // What the sender calls a key is the sender's: nothing that it makes of the cryptography is a fault of ours.
    throw new DpopProofRefused(cause instanceof errors.JWSInvalid ? 'malformed' : 'bad_key', { cause });
  }
}

interface ProofClaims {
  readonly jti: string;
  readonly htm: string;
  readonly htu: string;
  readonly iat: number;
  readonly ath: unknown;
  readonly nonce: string | undefined;
}

function readClaims(payload: Uint8Array): ProofClaims {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch {
    // Without its cause: a JSON error quotes what it could not read.
    throw new DpopProofRefused('malformed');
  }
  const { jti, htm, htu, iat, ath, nonce } = (value ?? {}) as Record<string, unknown>;
  if (
    typeof jti !== 'string' ||
    jti === '' ||
    jti.length > LONGEST_ID ||
    typeof htm !== 'string' ||
    typeof htu !== 'string' ||
    typeof iat !== 'number' ||
    !Number.isFinite(iat) ||
    (nonce !== undefined && typeof nonce !== 'string')
  ) {
    throw new DpopProofRefused('malformed');
  }
  return { jti, htm, htu, iat, ath, nonce };
}

/** §4.3: compared after syntax- and scheme-based normalization, without query and fragment. */
function withoutQuery(uri: string): string {
  if (!URL.canParse(uri)) throw new DpopProofRefused('wrong_url');
  const { origin, pathname } = new URL(uri);
  return `${origin}${pathname}`;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
