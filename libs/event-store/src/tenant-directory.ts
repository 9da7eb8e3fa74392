import { isUuid, tenantId, type TenantId } from '@grantkeeper/kernel';
import type { Database } from './database.ts';

const MAX_ENTRIES = 20_000;
const MISS_MS = 2_000;

/** A tenant as it is found by its slug, with the hosts of its own on which its issuer and its resources are served. */
export interface DirectoryEntry {
  readonly tenantId: TenantId;
  readonly issuerHost: string | null;
  readonly resourceHost: string | null;
}

/** A host that belongs to one tenant, and what of the tenant it serves. */
export interface TenantHost {
  readonly slug: string;
  readonly issuer: boolean;
  readonly resource: boolean;
}

/**
 * Finds a tenant by the slug in its URLs or by a host of its own, before anything of a tenant may be read. Neither ever
 * changes owner, so a hit is kept; a miss is kept for two seconds, so that guessing costs one query per name and a new
 * tenant is soon seen.
 */
export class TenantDirectory {
  readonly #slugs: Remembered<DirectoryEntry>;
  readonly #hosts: Remembered<TenantHost>;

  constructor(private readonly database: Database) {
    this.#slugs = new Remembered(/^[a-z0-9-]{1,63}$/, (slug) => this.#entry(slug));
    this.#hosts = new Remembered(/^(?=.{4,253}$)[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*\.[a-z][a-z0-9-]{0,62}$/, (host) =>
      this.#host(host),
    );
  }

  async find(slug: string): Promise<TenantId | undefined> {
    return (await this.#slugs.find(slug))?.tenantId;
  }

  /** The tenant of the slug, and where its issuer and resources are served. */
  async entryOf(slug: string): Promise<DirectoryEntry | undefined> {
    return this.#slugs.find(slug);
  }

  /** Whose host this is, in lower case and without a port; undefined for a host that is no tenant's. */
  async ownerOf(host: string): Promise<TenantHost | undefined> {
    return this.#hosts.find(host);
  }

  /** Finds by slug or by id, as the admin API lets its callers name a tenant. */
  async findBySlugOrId(name: string): Promise<TenantId | undefined> {
    if (!isUuid(name)) return this.find(name);
    const [row] = await this.database.relay('SELECT 1 FROM tenant_directory WHERE tenant_id = $1', [name]);
    return row ? tenantId(name) : undefined;
  }

  /** Forgets what is not there: called by whoever has just made a tenant. */
  forgetMisses(): void {
    this.#slugs.forgetMisses();
    this.#hosts.forgetMisses();
  }

  async #entry(slug: string): Promise<DirectoryEntry | undefined> {
    const [row] = await this.database.relay<{
      tenant_id: string;
      issuer_host: string | null;
      resource_host: string | null;
    }>(
      `SELECT d.tenant_id, i.host AS issuer_host, r.host AS resource_host FROM tenant_directory d
       LEFT JOIN tenant_hosts i ON i.tenant_id = d.tenant_id AND i.issuer
       LEFT JOIN tenant_hosts r ON r.tenant_id = d.tenant_id AND r.resource
       WHERE d.slug = $1`,
      [slug],
    );
    return row && { tenantId: tenantId(row.tenant_id), issuerHost: row.issuer_host, resourceHost: row.resource_host };
  }

  async #host(host: string): Promise<TenantHost | undefined> {
    const [row] = await this.database.relay<{ slug: string; issuer: boolean; resource: boolean }>(
      'SELECT slug, issuer, resource FROM tenant_hosts WHERE host = $1',
      [host],
    );
    return row;
  }
}

/** What names stand for: hits for good, misses for two seconds. */
class Remembered<Value> {
  readonly #hits = new Map<string, Value>();
  readonly #misses = new Map<string, number>();

  constructor(
    private readonly shape: RegExp,
    private readonly load: (name: string) => Promise<Value | undefined>,
  ) {}

  async find(name: string): Promise<Value | undefined> {
    const hit = this.#hits.get(name);
    if (hit) return hit;
    const missUntil = this.#misses.get(name);
    if (missUntil !== undefined && missUntil > performance.now()) return undefined;
    if (!this.shape.test(name)) return undefined;
    const found = await this.load(name);
    if (found === undefined) {
      remember(this.#misses, name, performance.now() + MISS_MS);
      return undefined;
    }
    remember(this.#hits, name, found);
    this.#misses.delete(name);
    return found;
  }

  forgetMisses(): void {
    this.#misses.clear();
  }
}

function remember<Value>(map: Map<string, Value>, key: string, value: Value): void {
  if (map.size >= MAX_ENTRIES) map.delete(map.keys().next().value!);
  map.set(key, value);
}
