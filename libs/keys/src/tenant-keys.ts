import { createHmac, createSecretKey, hkdfSync, type KeyObject, randomBytes } from 'node:crypto';
import type { Database } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import { decrypt, encrypt } from './aead.ts';
import { KeyProvider } from './key-provider.ts';
import { RecentKeys } from './recent-keys.ts';

/** A tenant's key in memory with the secrets derived from it, which are forgotten together. */
interface KnownKey {
  readonly key: KeyObject;
  readonly derived: Map<string, KeyObject>;
}

/** The data key of each tenant, wrapped by the key provider; everything sealed for the tenant hangs on it. */
export class TenantKeys {
  readonly #recent = new RecentKeys<KnownKey>({ max: 10_000, ageMs: 60_000 });

  constructor(
    private readonly database: Database,
    private readonly provider: KeyProvider,
  ) {}

  /** Makes the key of a new tenant; the row is to be written with the tenant's first events. */
  async create(tenantId: TenantId): Promise<{ tenant_id: string; wrapped: string }> {
    const key = randomBytes(32);
    this.#remember(tenantId, key);
    return { tenant_id: tenantId, wrapped: await this.provider.wrap(key, `tenant/${tenantId}`) };
  }

  /** The tenant's key; throws when it has been destroyed. */
  async keyOf(tenantId: TenantId): Promise<KeyObject> {
    return (await this.#known(tenantId)).key;
  }

  /** A secret of the tenant for one purpose; the same for ever, whatever master key wraps the tenant's. */
  async derive(tenantId: TenantId, purpose: string): Promise<KeyObject> {
    const { key, derived } = await this.#known(tenantId);
    let secret = derived.get(purpose);
    if (!secret) {
      secret = createSecretKey(Buffer.from(hkdfSync('sha256', key, 'grantkeeper', purpose, 32)));
      derived.set(purpose, secret);
    }
    return secret;
  }

  /** A fingerprint of a command's body under the tenant's key: bodies hold names, addresses and reasons of people. */
  async fingerprint(tenantId: TenantId, body: unknown): Promise<string> {
    return createHmac('sha256', await this.derive(tenantId, 'command-fingerprint'))
      .update(JSON.stringify(body))
      .digest('base64url');
  }

  /** Seals a secret of the tenant for one purpose and bound to its place: `unseal` opens it nowhere else. */
  async seal(tenantId: TenantId, purpose: string, place: string, secret: Uint8Array): Promise<string> {
    return encrypt(await this.derive(tenantId, purpose), `${purpose}/${tenantId}/${place}`, secret);
  }

  /** What `seal` has sealed; throws when it was moved or changed, or the tenant's key has been destroyed. */
  async unseal(tenantId: TenantId, purpose: string, place: string, sealed: string): Promise<Buffer> {
    return decrypt(await this.derive(tenantId, purpose), `${purpose}/${tenantId}/${place}`, sealed);
  }

  /** The keyed HMAC under which an e-mail address is looked up and kept unique; case and width do not tell addresses apart. */
  async emailIndex(tenantId: TenantId, email: string): Promise<string> {
    const secret = await this.derive(tenantId, 'email-index');
    return createHmac('sha256', secret).update(email.trim().normalize('NFKC').toLowerCase()).digest('base64url');
  }

  async #known(tenantId: TenantId): Promise<KnownKey> {
    const recent = this.#recent.get(tenantId);
    if (recent) return recent;
    const row = await this.database.asTenant(tenantId, (tx) =>
      tx.selectFrom('tenant_keys').select('wrapped').where('tenant_id', '=', tenantId).executeTakeFirst(),
    );
    if (!row) throw new Error('The key of this tenant is gone.');
    return this.#remember(tenantId, await this.provider.unwrap(row.wrapped, `tenant/${tenantId}`));
  }

  // Key objects: a cipher or an HMAC under plain bytes costs Node three to six times as much.
  #remember(tenantId: TenantId, key: Uint8Array): KnownKey {
    const known = { key: createSecretKey(key), derived: new Map<string, KeyObject>() };
    this.#recent.set(tenantId, known);
    return known;
  }
}
