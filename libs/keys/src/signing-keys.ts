import { createPrivateKey, type JsonWebKey, type KeyObject, randomBytes } from 'node:crypto';
import type { Database } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';
import { decrypt, encrypt } from './aead.ts';
import { KeyProvider } from './key-provider.ts';
import { RecentKeys } from './recent-keys.ts';

export type SigningAlg = 'ES256' | 'RS256';

export interface NewSigningKey {
  readonly kid: string;
  readonly alg: SigningAlg;
  readonly publicJwk: Record<string, string>;
  /** The row of sealed_signing_keys, to be written with the event that announces the key. */
  readonly sealed: { tenant_id: string; kid: string; sealed: string };
}

/** The tenants' signing keys. Private halves exist sealed (AES-256-GCM under a key of their own, wrapped by the provider) and in the memory of who signs. */
export class SigningKeys {
  readonly #recent = new RecentKeys<KeyObject>({ max: 5_000, ageMs: 300_000 });

  constructor(
    private readonly database: Database,
    private readonly provider: KeyProvider,
  ) {}

  /** Makes a key pair; `kid` is its RFC 7638 thumbprint. */
  async create(tenantId: TenantId, alg: SigningAlg): Promise<NewSigningKey> {
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true, modulusLength: 2048 });
    const jwk = await exportJWK(publicKey);
    const kid = await calculateJwkThumbprint(jwk);
    const dataKey = randomBytes(32);
    const context = `signing-key/${tenantId}/${kid}/${alg}`;
    const wrapped = await this.provider.wrap(dataKey, context);
    const body = encrypt(dataKey, context, Buffer.from(JSON.stringify(await exportJWK(privateKey))));
    return {
      kid,
      alg,
      publicJwk: { ...(jwk as Record<string, string>), kid, alg, use: 'sig' },
      sealed: { tenant_id: tenantId, kid, sealed: `k1:${wrapped}:${body}` },
    };
  }

  /** The private key `kid` of the tenant, for signing. */
  async privateKey(tenantId: TenantId, kid: string, alg: SigningAlg): Promise<KeyObject> {
    const name = `${tenantId}/${kid}`;
    const recent = this.#recent.get(name);
    if (recent) return recent;
    const row = await this.database.asTenant(tenantId, (tx) =>
      tx
        .selectFrom('sealed_signing_keys')
        .select('sealed')
        .where('tenant_id', '=', tenantId)
        .where('kid', '=', kid)
        .executeTakeFirst(),
    );
    if (!row) throw new Error('The signing key is not here.');
    const [, wrapped, body] = row.sealed.split(':');
    const context = `signing-key/${tenantId}/${kid}/${alg}`;
    const jwk = JSON.parse(
      decrypt(await this.provider.unwrap(wrapped!, context), context, body!).toString(),
    ) as JsonWebKey;
    const key = createPrivateKey({ key: jwk, format: 'jwk' });
    this.#recent.set(name, key);
    return key;
  }
}
