import { randomBytes } from 'node:crypto';
import { domain, eventStore, kernel, keys, readModels } from './libraries.ts';

const { inlineProjections } = readModels;

type NewEvent = import('@grantkeeper/domain').NewEvent;
type ProjectedEvent = import('@grantkeeper/event-store').ProjectedEvent;
type ProjectedRow = import('@grantkeeper/event-store').ProjectedRow;
type Database = import('@grantkeeper/event-store').Database;
type PersonalData = import('@grantkeeper/keys').PersonalData;
type TenantId = import('@grantkeeper/kernel').TenantId;

export interface GeneratedLedger {
  readonly tenantId: TenantId;
  readonly database: Database;
  readonly personalData: PersonalData;
  readonly events: number;
  readonly grants: number;
  readonly seconds: number;
  readonly users: readonly string[];
  readonly clients: readonly string[];
  close(): Promise<void>;
}

export interface LedgerPlan {
  readonly events: number;
  /** The same seed makes the same acts. */
  readonly seed?: number;
  readonly perCommit?: number;
  /** Told after every commit. */
  readonly onProgress?: (events: number) => void;
}

interface Grant {
  readonly grantId: string;
  readonly userId: string;
  readonly clientId: string;
  readonly resourceId: string;
}

/**
 * Writes one tenant's ledger into a migrated database, through the append that services use, with all its inline
 * projections. Of a hundred events some fifty are new links, twenty-five renewals and widenings, twenty ends of links,
 * the rest new people and revocations of people, clients and resources. One person for every forty events, 200 clients.
 */
export async function generateLedger(url: string, plan: LedgerPlan): Promise<GeneratedLedger> {
  const database = new eventStore.Database({ url, onError: () => undefined });
  const tenantKeys = new keys.TenantKeys(
    database,
    new keys.LocalKeyProvider(new keys.MasterSecrets([{ version: 1, key: randomBytes(32) }])),
  );
  const personalData = new keys.PersonalData(database, tenantKeys);
  const writer = new Writer(new eventStore.EventStore(database, inlineProjections, personalData), plan.seed ?? 1);
  const began = performance.now();
  await writer.begin(await tenantKeys.create(writer.tenantId));
  const perCommit = plan.perCommit ?? 500;
  while (writer.written < plan.events) {
    await writer.commit(Math.min(perCommit, plan.events - writer.written));
    plan.onProgress?.(writer.written);
  }
  const { tenantId, written, users, clients, grants } = writer;
  const seconds = (performance.now() - began) / 1000;
  return {
    tenantId,
    database,
    personalData,
    events: written,
    grants,
    seconds,
    users,
    clients,
    close: () => database.close(),
  };
}

class Writer {
  readonly users: string[] = [];
  readonly clients: string[] = [];
  readonly tenantId: TenantId;
  readonly #resources: string[] = [];
  readonly #open: Grant[] = [];
  readonly #fold = new eventStore.LedgerFold(inlineProjections);
  readonly #versions = new Map<string, number>();
  readonly #store: InstanceType<typeof eventStore.EventStore>;
  readonly #random: () => number;
  grants = 0;

  constructor(store: InstanceType<typeof eventStore.EventStore>, seed: number) {
    this.#store = store;
    this.#random = randomFrom(seed);
    this.tenantId = kernel.tenantId(this.#uuid());
  }

  get written(): number {
    return this.#fold.last;
  }

  async begin(tenantKey: object): Promise<void> {
    const { tenantId } = this;
    const slug = `bench-${tenantId.slice(-12)}`;
    await this.#append(
      [
        domain.tenantOnboarded.on(tenantId, { tenantId, slug, displayName: 'Bench' }),
        domain.policySet.on(tenantId, { settings: domain.defaultPolicy }),
        ...Array.from({ length: 4 }, () => this.#resource()),
        ...Array.from({ length: 200 }, () => this.#client()),
        ...Array.from({ length: 50 }, () => this.#user()),
      ],
      { tenant_directory: [{ slug, tenant_id: tenantId }], tenant_keys: [tenantKey] },
    );
  }

  async commit(count: number): Promise<void> {
    await this.#append(Array.from({ length: count }, () => this.#act()));
  }

  /** The events with the rows that they evolve, and the same done to our own fold, which the next events evolve from. */
  async #append(events: readonly NewEvent[], rows: Readonly<Record<string, readonly object[]>> = {}): Promise<void> {
    const { tenantId } = this;
    const actor = { kind: 'system', id: 'bench' } as const;
    const create = this.written === 0;
    const projected = events.map((event, index) => this.#projected(event, index));
    const current = new Map<string, { table: string; row: ProjectedRow }>();
    for (const event of projected) {
      for (const projection of inlineProjections) {
        if (!projection.handles(event)) continue;
        const place = eventStore.placeOf(projection, projection.keyOf(event));
        const known = this.#fold.rows(projection.table).get(place);
        if (known)
          current.set(`${projection.table}/${place}`, { table: projection.table, row: known.row as ProjectedRow });
      }
    }
    const appended = await this.#store.append({
      tenantId,
      actor,
      create,
      events,
      current: [...current.values()],
      rows,
    });
    for (const event of projected) this.#fold.apply({ ...event, actor, recordedAt: appended.recordedAt });
    if (appended.last !== this.written)
      throw new Error(`The ledger is at ${appended.last}, ${this.written} were written.`);
  }

  #projected(event: NewEvent, index: number): ProjectedEvent {
    const { type, streamType, version } = event.definition;
    const stream = `${streamType}/${event.streamId}`;
    const streamVersion = (this.#versions.get(stream) ?? 0) + 1;
    this.#versions.set(stream, streamVersion);
    return {
      tenantId: this.tenantId,
      seq: this.written + index + 1,
      eventId: '',
      streamType,
      streamId: event.streamId,
      streamVersion,
      type,
      schemaVersion: version,
      recordedAt: '',
      actor: null,
      payload: event.payload,
      personal: {},
    };
  }

  #act(): NewEvent {
    const dice = this.#random();
    const open = this.#open.length;
    if (dice < 0.025) return this.#user();
    if (dice < 0.027) return this.#revocation();
    if (dice < 0.25 && open > 0) return this.#consent(this.#pick(this.#open));
    if (dice < 0.45 && open > 0) return this.#end(Math.floor(this.#random() * open));
    return this.#link();
  }

  #link(): NewEvent {
    this.grants += 1;
    const grant = {
      grantId: this.#uuid(),
      userId: this.#pick(this.users),
      clientId: this.#pick(this.clients),
      resourceId: this.#pick(this.#resources),
    };
    this.#open.push(grant);
    return domain.grantCreated.on(grant.grantId, { ...grant, scopes: ['boards:read'], shown });
  }

  #consent({ grantId }: Grant): NewEvent {
    if (this.#random() < 0.8) return domain.grantRenewed.on(grantId, { shown });
    return domain.grantWidened.on(grantId, { scopes: ['boards:read', 'boards:write'], added: ['boards:write'], shown });
  }

  #end(index: number): NewEvent {
    const grant = this.#open[index] as Grant;
    const last = this.#open.pop() as Grant;
    if (index < this.#open.length) this.#open[index] = last;
    return domain.grantRevoked.on(grant.grantId, { ...grant, because: 'user' });
  }

  #revocation(): NewEvent {
    const dice = this.#random();
    const because = 'admin';
    if (dice < 0.01) {
      const resourceId = this.#pick(this.#resources);
      return domain.resourceAccessRevoked.on(resourceId, { resourceId, because });
    }
    if (dice < 0.1) {
      const clientId = this.#pick(this.clients);
      return domain.clientAccessRevoked.on(clientId, { clientId, because });
    }
    const userId = this.#pick(this.users);
    return domain.userAccessRevoked.on(userId, { userId, because });
  }

  #user(): NewEvent {
    const userId = this.#uuid();
    this.users.push(userId);
    return domain.userCreated.on(userId, { userId, sub: userId, role: 'member', emailVerified: false });
  }

  #client(): NewEvent {
    const clientId = `gkd_${this.#uuid()}`;
    this.clients.push(clientId);
    const metadata = {
      client_name: `Client ${this.clients.length}`,
      redirect_uris: ['https://client.example/callback'],
    };
    return domain.clientAdmitted.on(clientId, {
      clientId,
      kind: 'dynamic',
      metadata,
      metadataDigest: 'd',
      subjects: [`client:${clientId}`, 'host:client.example'],
      by: 'consent',
    });
  }

  #resource(): NewEvent {
    const resourceId = this.#uuid();
    this.#resources.push(resourceId);
    return domain.resourceAdded.on(resourceId, {
      resourceId,
      owner: 'tenant',
      kind: 'hosted',
      slug: resourceId,
      url: `https://mcp.example/${resourceId}/mcp`,
      displayName: 'Boards',
      signingAlg: 'ES256',
      scopes: [{ name: 'boards:read', description: 'Read', risky: false, default: true }],
      isDefault: false,
    });
  }

  #pick<Item>(items: readonly Item[]): Item {
    return items[Math.floor(this.#random() * items.length)] as Item;
  }

  /** Random as ids of people and links are in part: time-ordered ones would flatter the indexes. */
  #uuid(): string {
    const hex = Array.from({ length: 8 }, () =>
      Math.floor(this.#random() * 0x10000)
        .toString(16)
        .padStart(4, '0'),
    ).join('');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
  }
}

const shown = {
  clientName: 'Client',
  nameVerified: true,
  redirectHost: 'client.example',
  metadataDigest: 'd',
  scopes: ['boards:read'],
};

/** mulberry32. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
