import { OAuthError } from '@grantkeeper/kernel';

/** The algorithms in which a client may sign: asymmetric ones only (RFC-29), so that no key of ours is a secret of it. */
export const CLIENT_SIGNING_ALGS = ['ES256', 'ES384', 'Ed25519', 'EdDSA', 'PS256', 'RS256'] as const;
export type ClientSigningAlg = (typeof CLIENT_SIGNING_ALGS)[number];

/** A public key for verifying signatures (RFC 7517 §4), with nothing in it but what verifying needs. */
export interface PublicKey {
  readonly kty: 'RSA' | 'EC' | 'OKP';
  readonly kid?: string;
  readonly alg?: ClientSigningAlg;
  readonly crv?: string;
  readonly n?: string;
  readonly e?: string;
  readonly x?: string;
  readonly y?: string;
}

/** The keys of a client (RFC 7517 §5). */
export interface PublicKeySet {
  readonly keys: readonly PublicKey[];
}

const MAX_KEYS = 20;
// RFC 7518 §6: what makes a key private (RSA, EC, OKP) or a shared secret (oct).
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];
const PARTS = { RSA: ['n', 'e'], EC: ['crv', 'x', 'y'], OKP: ['crv', 'x'] } as const;
const CURVES: Readonly<Record<string, readonly string[]>> = { EC: ['P-256', 'P-384'], OKP: ['Ed25519'] };

/**
 * Reads a key set; keys that do not verify signatures (for encryption, of kinds that are not accepted) are left out.
 * Rejects with `invalid_client_metadata` when it is none, when it holds a private or shared key (CIMD-08: whoever
 * publishes one has lost it), and when no key is left.
 */
export function readPublicKeySet(value: unknown): PublicKeySet {
  const keys = (value as { keys?: unknown } | null)?.keys;
  if (!Array.isArray(keys)) throw refusal('must be an object with the array keys');
  if (keys.length > MAX_KEYS) throw refusal(`must not hold more than ${MAX_KEYS} keys`);
  const read = keys.map(readKey).filter((key) => key !== undefined);
  if (read.length === 0) throw refusal('holds no key that signatures can be verified with');
  return { keys: read };
}

/** The keys that may have made a signature with `alg`, and `kid` if the signature names one. */
export function keysFor(set: PublicKeySet, alg: ClientSigningAlg, kid: string | undefined): readonly PublicKey[] {
  return set.keys.filter(
    (key) =>
      (kid === undefined || key.kid === kid) && (key.alg === undefined || sameAlg(key.alg, alg)) && fits(key, alg),
  );
}

/** Rejects with `invalid_client_metadata` a key set that holds a private or shared key, whatever it is for. */
export function refusePrivateKeys(value: unknown): void {
  const keys = (value as { keys?: unknown } | null | undefined)?.keys;
  if (Array.isArray(keys)) keys.forEach(asPublicKey);
}

function asPublicKey(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) throw refusal('holds a key that is not an object');
  const key = value as Record<string, unknown>;
  if (key['kty'] === 'oct' || PRIVATE_MEMBERS.some((member) => Object.hasOwn(key, member))) {
    throw refusal('holds a private or shared key');
  }
  return key;
}

function readKey(value: unknown): PublicKey | undefined {
  const key = asPublicKey(value);
  const { kty, use, alg, kid, key_ops: operations } = key;
  if (kty !== 'RSA' && kty !== 'EC' && kty !== 'OKP') return undefined;
  if (use !== undefined && use !== 'sig') return undefined;
  if (Array.isArray(operations) && !operations.includes('verify')) return undefined;
  if (alg !== undefined && !isClientSigningAlg(alg)) return undefined;
  if (kid !== undefined && !isText(kid, 256)) return undefined;
  const curves = CURVES[kty];
  if (curves && !curves.includes(String(key['crv']))) return undefined;
  const parts = PARTS[kty].map((part) => [part, key[part]] as const);
  if (!parts.every(([, part]) => isText(part, 2_048))) return undefined;
  return { kty, ...(kid !== undefined && { kid }), ...(alg !== undefined && { alg }), ...Object.fromEntries(parts) };
}

/** True for an algorithm that clients may sign with. */
export function isClientSigningAlg(alg: unknown): alg is ClientSigningAlg {
  return (CLIENT_SIGNING_ALGS as readonly unknown[]).includes(alg);
}

// RFC 9864 gave EdDSA over Ed25519 a name of its own; both are in use.
function sameAlg(one: ClientSigningAlg, other: ClientSigningAlg): boolean {
  const name = (alg: ClientSigningAlg) => (alg === 'EdDSA' ? 'Ed25519' : alg);
  return name(one) === name(other);
}

function fits(key: PublicKey, alg: ClientSigningAlg): boolean {
  switch (alg) {
    case 'RS256':
    case 'PS256':
      return key.kty === 'RSA';
    case 'ES256':
      return key.kty === 'EC' && key.crv === 'P-256';
    case 'ES384':
      return key.kty === 'EC' && key.crv === 'P-384';
    case 'Ed25519':
    case 'EdDSA':
      return key.kty === 'OKP';
  }
}

function isText(value: unknown, max: number): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= max && /^[\x20-\x7E]+$/.test(value);
}

function refusal(reason: string): OAuthError {
  return new OAuthError('invalid_client_metadata', `jwks ${reason}`);
}
