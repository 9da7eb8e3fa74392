import { type Database, TenantDirectory } from '@grantkeeper/event-store';
import { StartupError } from '@grantkeeper/platform';
import { SYSTEM_TENANT, tenantId as toTenantId, type TenantId } from '@grantkeeper/kernel';

/** A ledger, by the name that people give it: the slug of its tenant, or `system`. */
export interface NamedLedger {
  readonly id: TenantId;
  readonly name: string;
  /** The position of its head when it was looked up. */
  readonly seq: number;
}

interface HeadRow {
  tenant_id: string;
  slug: string | null;
  seq: number;
}

const PAGE = 500;
const FIRST = '00000000-0000-0000-0000-000000000000';
const HEADS =
  'SELECT h.tenant_id, h.seq, d.slug FROM heads h LEFT JOIN tenant_directory d ON d.tenant_id = h.tenant_id';

/** The ledger of one tenant, by slug or id, or every ledger. Throws {@link StartupError} when there is no such tenant. */
export async function* ledgersOf(database: Database, wanted: string | undefined): AsyncGenerator<NamedLedger> {
  if (wanted !== undefined) {
    const id = wanted === 'system' ? SYSTEM_TENANT : await new TenantDirectory(database).findBySlugOrId(wanted);
    const [row] = id ? await database.relay<HeadRow>(`${HEADS} WHERE h.tenant_id = $1`, [id]) : [];
    if (!row) throw new StartupError(`There is no tenant "${wanted}".`);
    yield named(row);
    return;
  }
  for (let after = FIRST; ;) {
    const rows = await database.relay<HeadRow>(`${HEADS} WHERE h.tenant_id > $1 ORDER BY h.tenant_id LIMIT $2`, [
      after,
      PAGE,
    ]);
    for (const row of rows) yield named(row);
    const last = rows.at(-1);
    if (!last || rows.length < PAGE) return;
    after = last.tenant_id;
  }
}

/** The ledgers that have grown last. */
export async function newestLedgers(database: Database, limit: number): Promise<NamedLedger[]> {
  const rows = await database.relay<HeadRow>(`${HEADS} ORDER BY h.last_recorded_at DESC, h.tenant_id LIMIT $1`, [
    limit,
  ]);
  return rows.map(named);
}

function named({ tenant_id, slug, seq }: HeadRow): NamedLedger {
  const id = toTenantId(tenant_id);
  return { id, name: slug ?? (id === SYSTEM_TENANT ? 'system' : id), seq };
}
