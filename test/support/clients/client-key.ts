import { randomUUID } from 'node:crypto';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose';
import type { Sent } from './oauth-client.ts';

export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** A key pair of a client that authenticates with `private_key_jwt`, and assertions that are right but for `changes`. */
export class ClientKey {
  private constructor(
    readonly kid: string,
    readonly alg: string,
    readonly privateKey: CryptoKey,
    readonly publicJwk: JWK,
    readonly privateJwk: JWK,
  ) {}

  static async generate(kid = 'key-1', alg = 'ES256'): Promise<ClientKey> {
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
    const publicJwk = { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' };
    return new ClientKey(kid, alg, privateKey, publicJwk, { ...(await exportJWK(privateKey)), kid, alg });
  }

  get jwks(): { keys: JWK[] } {
    return { keys: [this.publicJwk] };
  }

  async assertion(
    clientId: string,
    audience: string | string[],
    changes: JWTPayload = {},
    header: Record<string, unknown> = {},
  ): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const claims: JWTPayload = {
      iss: clientId,
      sub: clientId,
      aud: audience,
      iat: now,
      exp: now + 120,
      jti: randomUUID(),
      ...changes,
    };
    return new SignJWT(claims).setProtectedHeader({ alg: this.alg, kid: this.kid, ...header }).sign(this.privateKey);
  }

  /** The parameters that authenticate `clientId` at `issuer`; they name no `client_id` (CC-05). */
  async proof(clientId: string, issuer: string, changes: JWTPayload = {}): Promise<Sent> {
    return {
      client_id: undefined,
      client_assertion_type: ASSERTION_TYPE,
      client_assertion: await this.assertion(clientId, issuer, changes),
    };
  }
}
