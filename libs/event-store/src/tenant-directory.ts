import { isUuid, tenantId, type TenantId } from '@grantkeeper/kernel';
import type { Database } from './database.ts';

const MAX_ENTRIES = 20_000;
const MISS_MS = 2_000;

/**
 * Finds a tenant by the slug in its URLs, before anything of a tenant may be read. A slug never changes owner, so a hit
 * is kept; a miss is kept for two seconds, so that guessing costs one query per name and a new tenant is soon seen.
 */
export class TenantDirectory {
  readonly #hits = new Map<string, TenantId>();
  readonly #misses = new Map<string, number>();

  constructor(private readonly database: Database) {}

  async find(slug: string): Promise<TenantId | undefined> {
    const hit = this.#hits.get(slug);
    if (hit) return hit;
    const missUntil = this.#misses.get(slug);
    if (missUntil !== undefined && missUntil > performance.now()) return undefined;
    if (!/^[a-z0-9-]{1,63}$/.test(slug)) return undefined;
    const [row] = await this.database.relay<{ tenant_id: string }>(
      'SELECT tenant_id FROM tenant_directory WHERE slug = $1',
      [slug],
    );
    if (!row) {
      remember(this.#misses, slug, performance.now() + MISS_MS);
      return undefined;
    }
    const found = tenantId(row.tenant_id);
    remember(this.#hits, slug, found);
    this.#misses.delete(slug);
    return found;
  }

  /** Finds by slug or by id, as the admin API lets its callers name a tenant. */
  async findBySlugOrId(name: string): Promise<TenantId | undefined> {
    if (!isUuid(name)) return this.find(name);
    const [row] = await this.database.relay('SELECT 1 FROM tenant_directory WHERE tenant_id = $1', [name]);
    return row ? tenantId(name) : undefined;
  }

  /** Forgets what is not there: called by whoever has just made a tenant. */
  forgetMisses(): void {
    this.#misses.clear();
  }
}

function remember<Value>(map: Map<string, Value>, key: string, value: Value): void {
  if (map.size >= MAX_ENTRIES) map.delete(map.keys().next().value!);
  map.set(key, value);
}
