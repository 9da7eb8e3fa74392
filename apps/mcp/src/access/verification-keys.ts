import { Database } from '@grantkeeper/event-store';
import type { KeyHint, VerificationKey } from '@grantkeeper/guard';
import type { TenantId } from '@grantkeeper/kernel';
import { Injectable } from '@nestjs/common';
import { importJWK } from 'jose';
import type { CryptoKey, JWK } from 'jose';
import { sql } from 'kysely';
import { ExpiringCache } from './expiring-cache.ts';

interface TenantKey {
  readonly alg: string;
  readonly key: VerificationKey;
}
type TenantKeys = ReadonlyMap<string, TenantKey>;

/** How long a key that was revoked may still verify. */
const TTL_MS = 2_000;
/** How often per second and tenant a key that is not in the cache may send us back to the database. */
const EXTRA_LOOKS = 5;

/** The public keys that verify access tokens of a tenant: those it signs with, and those it has just stopped signing with. */
@Injectable()
export class VerificationKeys {
  readonly #cache = new ExpiringCache<TenantKeys>({ ttlMs: TTL_MS, max: 10_000 });
  readonly #extraLooks = new ExpiringCache<{ left: number }>({ ttlMs: 1_000, max: 10_000 });

  constructor(private readonly database: Database) {}

  /** The key with that name for that algorithm. A key that the cache lacks is looked up at once: it may be new. */
  async find(tenant: TenantId, { kid, alg }: KeyHint): Promise<VerificationKey | undefined> {
    let keys = await this.#cache.get(tenant, () => this.#load(tenant));
    if (!keys.has(kid) && (await this.#mayLookAgain(tenant))) {
      this.#cache.delete(tenant);
      keys = await this.#cache.get(tenant, () => this.#load(tenant));
    }
    const found = keys.get(kid);
    return found?.alg === alg ? found.key : undefined;
  }

  /** Anyone can make up key names, so they may cause only so many queries. */
  async #mayLookAgain(tenant: TenantId): Promise<boolean> {
    const looks = await this.#extraLooks.get(tenant, () => Promise.resolve({ left: EXTRA_LOOKS }));
    return looks.left-- > 0;
  }

  async #load(tenant: TenantId): Promise<TenantKeys> {
    const rows = await this.database.asTenant(tenant, async (tx) => {
      const found = await sql<{ kid: string; alg: string; public_jwk: JWK }>`
        SELECT kid, alg, public_jwk FROM signing_keys
        WHERE tenant_id = ${tenant} AND use = 'access_token' AND state IN ('active', 'retiring')`.execute(tx);
      return found.rows;
    });
    return new Map(
      await Promise.all(
        rows.map(async ({ kid, alg, public_jwk }): Promise<[string, TenantKey]> => [
          kid,
          { alg, key: (await importJWK(public_jwk, alg)) as CryptoKey },
        ]),
      ),
    );
  }
}
