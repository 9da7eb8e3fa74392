import type { Database } from '@grantkeeper/event-store';
import { ExpiringCache, type TenantId } from '@grantkeeper/kernel';
import { importJWK } from 'jose';
import type { CryptoKey, JWK } from 'jose';

interface KnownKey {
  readonly alg: string;
  /** As it is in the database: while that is the same, so is `key`, by which verified tokens are remembered. */
  readonly jwk: string;
  readonly key: CryptoKey;
}
type KnownKeys = ReadonlyMap<string, KnownKey>;

/** How long a key that was revoked may still verify. */
const TTL_MS = 2_000;
/** Tenants whose keys are remembered. */
const MOST_TENANTS = 10_000;
/** How often per second and tenant a key that is not in the cache may send us back to the database. */
const EXTRA_LOOKS = 5;

/** The public keys that verify what a tenant has signed: those it signs with, will sign with next, and has just stopped signing with. */
export class VerificationKeys {
  readonly #cache = new ExpiringCache<KnownKeys>({ ttlMs: TTL_MS, max: MOST_TENANTS });
  /** What was loaded last, of the tenants that were asked about last. */
  readonly #last = new Map<TenantId, KnownKeys>();
  readonly #extraLooks = new ExpiringCache<{ left: number }>({ ttlMs: 1_000, max: 10_000 });

  constructor(private readonly database: Database) {}

  /** The key with that name for that algorithm. A key that the cache lacks is looked up at once: it may be new. */
  async find(tenant: TenantId, { kid, alg }: { kid: string; alg: string }): Promise<CryptoKey | undefined> {
    let keys = await this.#cache.get(tenant, () => this.#load(tenant));
    if (!keys.has(kid) && (await this.#mayLookAgain(tenant))) {
      this.#cache.delete(tenant);
      keys = await this.#cache.get(tenant, () => this.#load(tenant));
    }
    const found = keys.get(kid);
    return found?.alg === alg ? found.key : undefined;
  }

  /**
   * The keys that were loaded last, by name: what was revoked meanwhile may be among them. Undefined when they are more than
   * `most`.
   */
  named(most: number): { readonly tenant: TenantId; readonly kid: string }[] | undefined {
    const named: { tenant: TenantId; kid: string }[] = [];
    for (const [tenant, keys] of this.#last) {
      for (const kid of keys.keys()) named.push({ tenant, kid });
      if (named.length > most) return undefined;
    }
    return named;
  }

  /** Anyone can make up key names, so they may cause only so many queries. */
  async #mayLookAgain(tenant: TenantId): Promise<boolean> {
    const looks = await this.#extraLooks.get(tenant, () => Promise.resolve({ left: EXTRA_LOOKS }));
    return looks.left-- > 0;
  }

  async #load(tenant: TenantId): Promise<KnownKeys> {
    const rows = await this.database.asTenant(tenant, (tx) =>
      tx
        .selectFrom('signing_keys')
        .select(['kid', 'alg', 'public_jwk'])
        .where('tenant_id', '=', tenant)
        .where('use', '=', 'access_token')
        // The next one too: whoever asks for names that do not exist could else keep it unknown when it begins to sign.
        .where('state', 'in', ['pending', 'active', 'retiring'])
        .execute(),
    );
    const last = this.#last.get(tenant);
    const keys: KnownKeys = new Map(
      await Promise.all(
        rows.map(async ({ kid, alg, public_jwk }): Promise<[string, KnownKey]> => {
          const jwk = JSON.stringify(public_jwk);
          const before = last?.get(kid);
          if (before?.alg === alg && before.jwk === jwk) return [kid, before];
          return [kid, { alg, jwk, key: (await importJWK(public_jwk as JWK, alg)) as CryptoKey }];
        }),
      ),
    );
    this.#last.delete(tenant);
    this.#last.set(tenant, keys);
    if (this.#last.size > MOST_TENANTS) this.#last.delete(this.#last.keys().next().value!);
    return keys;
  }
}
