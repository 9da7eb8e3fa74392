import { createHash, randomBytes } from 'node:crypto';

/** A random secret of 256 bits (AS-47), and the hash under which it is kept. */
export interface OpaqueSecret {
  /** `<prefix><base64url>`; shown to its holder, never stored. */
  readonly secret: string;
  readonly hash: Buffer;
}

/** A new secret; the prefix lets scanners recognise a leaked one. */
export function newOpaqueSecret(prefix: string): OpaqueSecret {
  const secret = prefix + randomBytes(32).toString('base64url');
  return { secret, hash: hashSecret(secret) };
}

/** SHA-256; enough for secrets of 256 random bits, which cannot be guessed. Never for passwords. */
export function hashSecret(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

/** The S256 code challenge of a verifier (RFC 7636 §4.6). */
export function s256(verifier: string): string {
  return createHash('sha256').update(verifier).digest('base64url');
}
