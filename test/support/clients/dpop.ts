import { createHash, randomUUID } from 'node:crypto';
import { calculateJwkThumbprint, type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';

/** A key of a client, and proofs of it that say exactly what they are told to say (RFC 9449 §4.2). */
export class DpopKey {
  private constructor(
    private readonly alg: string,
    private readonly key: CryptoKey,
    readonly jwk: JWK,
    readonly thumbprint: string,
  ) {}

  static async make(alg = 'ES256'): Promise<DpopKey> {
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
    const jwk = await exportJWK(publicKey);
    return new DpopKey(alg, privateKey, jwk, await calculateJwkThumbprint(jwk));
  }

  /** A proof for one request, that is right but for `claims` and `header`. */
  async proof(
    method: string,
    url: string,
    claims: Record<string, unknown> = {},
    header: Record<string, unknown> = {},
  ): Promise<string> {
    return new SignJWT({ htm: method, htu: url, jti: randomUUID(), iat: Math.floor(Date.now() / 1000), ...claims })
      .setProtectedHeader({ alg: this.alg, typ: 'dpop+jwt', jwk: this.jwk, ...header })
      .sign(this.key);
  }

  /** The claim that ties a proof to an access token. */
  static ath(accessToken: string): { ath: string } {
    return { ath: createHash('sha256').update(accessToken).digest('base64url') };
  }
}
