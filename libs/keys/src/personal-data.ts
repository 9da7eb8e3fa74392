import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { type Database, PersonalDataSealer } from '@grantkeeper/event-store';
import { DomainError, type TenantId } from '@grantkeeper/kernel';
import { decrypt, encrypt } from './aead.ts';
import { RecentKeys } from './recent-keys.ts';
import { TenantKeys } from './tenant-keys.ts';

/**
 * Personal data, sealed per person: `p1.<user id or tenant>.<event id>.<field>.<ciphertext>`, bound to tenant, event and
 * field. Destroying a person's key makes all of it unreadable and leaves the ledger as it is.
 */
export class PersonalData extends PersonalDataSealer {
  readonly #recent = new RecentKeys<KeyObject>({ max: 50_000, ageMs: 60_000 });

  constructor(
    private readonly database: Database,
    private readonly tenantKeys: TenantKeys,
  ) {
    super();
  }

  /** Makes the key of a new person; the row is to be written with the event that creates them. */
  async createPersonKey(
    tenantId: TenantId,
    userId: string,
  ): Promise<{ tenant_id: string; user_id: string; wrapped: string }> {
    const key = randomBytes(32);
    this.#recent.set(`${tenantId}/${userId}`, createSecretKey(key));
    const wrapped = encrypt(await this.tenantKeys.keyOf(tenantId), `person/${tenantId}/${userId}`, key);
    return { tenant_id: tenantId, user_id: userId, wrapped };
  }

  /** Takes in a person's wrapped key that was read together with what it opens, and spares reading it. */
  async learn(tenantId: TenantId, userId: string, wrapped: string): Promise<void> {
    const name = `${tenantId}/${userId}`;
    if (!this.#recent.get(name)) this.#recent.set(name, await this.#unwrap(tenantId, userId, wrapped));
  }

  /**
   * Of a person who has been erased nothing personal is recorded again: an address is left out, anything else rejects
   * with `user.erased`. The reason that somebody gives for what they do about that person is theirs to answer for: it is
   * sealed under the tenant's key.
   */
  override async seal(
    tenantId: TenantId,
    subject: { user: string } | 'tenant',
    place: { eventId: string; field: string },
    value: string,
  ): Promise<string | undefined> {
    const name = subject === 'tenant' ? 'tenant' : subject.user;
    const key = await this.#keyOf(tenantId, name);
    if (!key) {
      if (place.field === 'reason') return this.seal(tenantId, 'tenant', place, value);
      if (place.field === 'address') return undefined;
      throw new DomainError(
        'user.erased',
        'This person has been erased: nothing more is recorded of them.',
        'conflict',
      );
    }
    const context = `${tenantId}/${place.eventId}/${place.field}`;
    return `p1.${name}.${place.eventId}.${place.field}.${encrypt(key, context, Buffer.from(value))}`;
  }

  /** The value of a sealed field, or null when its person has been erased; throws when the text was moved or changed. */
  async open(tenantId: TenantId, field: string, sealed: string | null | undefined): Promise<string | null> {
    if (sealed === null || sealed === undefined) return null;
    const [version, name, eventId, sealedField, text] = sealed.split('.');
    if (version !== 'p1' || sealedField !== field || text === undefined)
      throw new Error('Not a sealed field of this name.');
    const key = await this.#keyOf(tenantId, name!);
    return key ? decrypt(key, `${tenantId}/${eventId}/${field}`, text).toString() : null;
  }

  async #keyOf(tenantId: TenantId, name: string): Promise<KeyObject | undefined> {
    if (name === 'tenant') return this.tenantKeys.derive(tenantId, 'personal-data');
    const recent = this.#recent.get(`${tenantId}/${name}`);
    if (recent) return recent;
    const row = await this.database.asTenant(tenantId, (tx) =>
      tx
        .selectFrom('person_keys')
        .select('wrapped')
        .where('tenant_id', '=', tenantId)
        .where('user_id', '=', name)
        .executeTakeFirst(),
    );
    if (!row) return undefined;
    const key = await this.#unwrap(tenantId, name, row.wrapped);
    this.#recent.set(`${tenantId}/${name}`, key);
    return key;
  }

  async #unwrap(tenantId: TenantId, userId: string, wrapped: string): Promise<KeyObject> {
    return createSecretKey(decrypt(await this.tenantKeys.keyOf(tenantId), `person/${tenantId}/${userId}`, wrapped));
  }
}
