import { randomBytes, randomUUID } from 'node:crypto';
import { domain, eventStore, kernel, keys, readModels } from './libraries.ts';

type AppendInput = import('@grantkeeper/event-store').AppendInput;
type Database = import('@grantkeeper/event-store').Database;
type EventStore = import('@grantkeeper/event-store').EventStore;
type NewEvent = import('@grantkeeper/domain').NewEvent;
type PersonalData = import('@grantkeeper/keys').PersonalData;
type Position = import('@grantkeeper/event-store').Position;
type TenantId = import('@grantkeeper/kernel').TenantId;

interface Tenant {
  readonly tenantId: TenantId;
  readonly resourceId: string;
  readonly users: readonly string[];
  readonly read: Position;
}

export interface TenantsPlan {
  readonly tenants: number;
  readonly peoplePerTenant?: number;
  /** Connections of the product's pool. */
  readonly connections: number;
}

const AT_ONCE = 16;
const SCOPES = ['boards:read', 'boards:write', 'offline_access'];

/** Tenants in a migrated database whose people consent to clients, through the event store that services use. */
export class ConsentingTenants {
  readonly database: Database;
  readonly store: EventStore;
  readonly personalData: PersonalData;
  readonly #tenantKeys: InstanceType<typeof keys.TenantKeys>;
  readonly #tenants: Tenant[] = [];

  private constructor(url: string, connections: number) {
    this.database = new eventStore.Database({ url, max: connections, onError: () => undefined });
    this.#tenantKeys = new keys.TenantKeys(
      this.database,
      new keys.LocalKeyProvider(new keys.MasterSecrets([{ version: 1, key: randomBytes(32) }])),
    );
    this.personalData = new keys.PersonalData(this.database, this.#tenantKeys);
    this.store = new eventStore.EventStore(this.database, readModels.inlineProjections, this.personalData);
  }

  static async create(url: string, plan: TenantsPlan): Promise<ConsentingTenants> {
    const all = new ConsentingTenants(url, plan.connections);
    let left = plan.tenants;
    const worker = async (): Promise<void> => {
      while (left > 0) {
        left -= 1;
        all.#tenants.push(await all.#onboard(plan.peoplePerTenant ?? 10));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    return all;
  }

  get tenantIds(): TenantId[] {
    return this.#tenants.map(({ tenantId }) => tenantId);
  }

  /** The same store without its database: what it would send goes to `take`. */
  dry(take: (tenantId: TenantId, input: object) => void): EventStore {
    const database = {
      call: (_name: string, tenantId: TenantId, input: object) => {
        take(tenantId, input);
        return Promise.resolve({ epoch: 1, first: 1, last: 1, recordedAt: '' });
      },
    };
    return new eventStore.EventStore(database as unknown as Database, readModels.inlineProjections, this.personalData);
  }

  /**
   * New links of people of one tenant, as `POST /consent` appends them: each event with the person's sealed address, the
   * row of the grant, and the slot that lets there be one link between the three.
   */
  consents(tenant: number, count = 1): AppendInput {
    const { tenantId, resourceId, users, read } = this.#tenants[tenant] as Tenant;
    const events: NewEvent[] = [];
    const facts = [];
    let userId = '';
    for (let number = 0; number < count; number += 1) {
      userId = pick(users);
      const clientId = `gkd_${randomUUID()}`;
      const { grantId, events: decided } = domain.decideConsent(
        {
          tenantSuspended: false,
          user: { userId, suspended: false },
          client: { ...client, clientId },
          settings: domain.defaultPolicy,
          rules: [],
          resource: { resourceId, suspended: false, scopes: SCOPES },
        },
        { newGrantId: randomUUID(), scopes: SCOPES, shown, address: '192.0.2.17' },
      );
      events.push(...decided);
      facts.push({ kind: 'grant.slot', value: `${userId} ${resourceId} ${clientId}`, holder: grantId, expect: null });
    }
    return { tenantId, actor: { kind: 'user', id: userId }, read, events, facts };
  }

  close(): Promise<void> {
    return this.database.close();
  }

  async #onboard(people: number): Promise<Tenant> {
    const tenantId = kernel.tenantId(randomUUID());
    const slug = `bench-${tenantId}`;
    const resourceId = randomUUID();
    const users = Array.from({ length: people }, () => randomUUID());
    const tenantKey = await this.#tenantKeys.create(tenantId);
    const personKeys = await Promise.all(users.map((userId) => this.personalData.createPersonKey(tenantId, userId)));
    const { epoch, last } = await this.store.append({
      tenantId,
      actor: { kind: 'system', id: 'bench' },
      create: true,
      events: [
        domain.tenantOnboarded.on(tenantId, { tenantId, slug, displayName: 'Bench' }),
        domain.policySet.on(tenantId, { settings: domain.defaultPolicy }),
        domain.resourceAdded.on(resourceId, {
          resourceId,
          owner: 'tenant',
          kind: 'hosted',
          slug: 'default',
          url: `https://mcp.example/t/${slug}/mcp`,
          displayName: 'Boards',
          signingAlg: 'ES256',
          scopes: [{ name: 'boards:read', description: 'Read', risky: false, default: true }],
          isDefault: true,
        }),
        ...users.map((userId) =>
          domain.userCreated.on(userId, { userId, sub: userId, role: 'member', emailVerified: true }),
        ),
      ],
      rows: {
        tenant_directory: [{ slug, tenant_id: tenantId }],
        tenant_keys: [tenantKey],
        person_keys: personKeys,
      },
    });
    return { tenantId, resourceId, users, read: { epoch, seq: last } };
  }
}

function pick<Item>(items: readonly Item[]): Item {
  return items[Math.floor(Math.random() * items.length)] as Item;
}

const metadataDigest = 'o9jW9dPTXcZbYcyyFh8LfFWa2SNk7Y8JcOdGqQyVNRA';
const client = {
  kind: 'dynamic',
  admitted: true,
  approved: false,
  changed: false,
  metadata: {},
  metadataDigest,
  subjects: [],
} as const;
const shown = {
  clientName: 'Bench',
  nameVerified: true,
  redirectHost: 'client.example',
  metadataDigest,
  scopes: SCOPES,
};
