import { randomBytes } from 'node:crypto';
import { type Actor, defaultPolicy, type NewEvent, policySet, tenantOnboarded, userCreated } from '@grantkeeper/domain';
import { Database, EventStore } from '@grantkeeper/event-store';
import { LocalKeyProvider, MasterSecrets, PersonalData, TenantKeys } from '@grantkeeper/keys';
import { tenantId as toTenantId, type TenantId } from '@grantkeeper/kernel';
import { inlineProjections } from '@grantkeeper/read-models';
import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { createTestDatabase } from './postgres.ts';

export const actor: Actor = { kind: 'system', id: 'test' };

/** An event store on a database of its own, through the role that services use. */
export interface TestLedger {
  readonly url: string;
  readonly database: Database;
  readonly store: EventStore;
  readonly personalData: PersonalData;
  /** Makes a tenant with nothing but itself and its policy; its ledger is at 2. */
  tenant(slug?: string): Promise<TenantId>;
  /** What makes a person: to be appended, alone or with more. */
  person(tenantId: TenantId): Promise<{ userId: string; events: NewEvent[]; rows: Record<string, object[]> }>;
  /** What a process has that was started just now: it knows no key that is not in the database. */
  restarted(): { readonly store: EventStore; readonly personalData: PersonalData };
  /** Cuts every connection of the services, as a restart of the server would. */
  interrupt(): Promise<void>;
  close(): Promise<void>;
}

export async function openLedger(): Promise<TestLedger> {
  const { url, drop } = await createTestDatabase();
  const database = new Database({ url, onError: () => undefined });
  const provider = new LocalKeyProvider(new MasterSecrets([{ version: 1, key: randomBytes(32) }]));
  const tenantKeys = new TenantKeys(database, provider);
  const personalData = new PersonalData(database, tenantKeys);
  const store = new EventStore(database, inlineProjections, personalData);
  return {
    url,
    database,
    store,
    personalData,
    async tenant(slug = `t-${uuidv7()}`) {
      const id = toTenantId(uuidv7());
      await store.append({
        tenantId: id,
        actor,
        create: true,
        events: [
          tenantOnboarded.on(id, { tenantId: id, slug, displayName: slug }),
          policySet.on(id, { settings: defaultPolicy }),
        ],
        rows: { tenant_directory: [{ slug, tenant_id: id }], tenant_keys: [await tenantKeys.create(id)] },
      });
      return id;
    },
    async person(tenantId) {
      const userId = uuidv7();
      const email = { subject: { user: userId }, value: `${userId}@example.org` };
      return {
        userId,
        events: [userCreated.on(userId, { userId, sub: userId, role: 'member', emailVerified: false }, { email })],
        rows: { person_keys: [await personalData.createPersonKey(tenantId, userId)] },
      };
    },
    restarted() {
      const fresh = new PersonalData(database, new TenantKeys(database, provider));
      return { personalData: fresh, store: new EventStore(database, inlineProjections, fresh) };
    },
    async interrupt() {
      const owner = new pg.Client({ connectionString: url });
      await owner.connect();
      const others = 'FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()';
      // Until they are gone: whoever takes a connection then knows that it is dead.
      while ((await owner.query(`SELECT pg_terminate_backend(pid) ${others}`)).rowCount !== 0);
      await owner.end();
    },
    async close() {
      await database.close();
      await drop();
    },
  };
}
