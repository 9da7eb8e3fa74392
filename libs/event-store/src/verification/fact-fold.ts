import type { TenantId } from '@grantkeeper/kernel';
import { sql } from 'kysely';
import type { Transaction } from '../database.ts';
import type { ProjectedEvent } from '../inline-projection.ts';
import type { Difference } from './table-comparison.ts';

/** What an event does to something unique: from it on `holder` holds it, or holds it no more. */
export type FactEffect =
  | { readonly kind: string; readonly value?: string; readonly holder: string }
  | { readonly kind: string; readonly releasedBy: string };

/** What an event does to unique facts; undefined for most. */
export type FactEffects = (event: ProjectedEvent) => FactEffect | undefined;

/** Who holds what by the events. What has no value in them is known by its holder alone. */
interface Kind {
  readonly keyed: boolean;
  readonly holders: Map<string, string>;
  readonly valueOf: Map<string, string>;
}

const CHUNK = 5_000;

/** Folds what events say of unique facts, and compares it with the rows that keep them unique. */
export class FactFold {
  readonly #kinds = new Map<string, Kind>();

  constructor(private readonly effects: FactEffects) {}

  apply(event: ProjectedEvent): void {
    const effect = this.effects(event);
    if (!effect) return;
    if ('releasedBy' in effect) {
      const kind = this.#kinds.get(effect.kind);
      const value = kind?.valueOf.get(effect.releasedBy);
      if (value !== undefined && kind?.holders.get(value) === effect.releasedBy) kind.holders.delete(value);
      return;
    }
    const kind = this.#kindOf(effect.kind, effect.value === undefined);
    const value = effect.value ?? effect.holder;
    kind.holders.set(value, effect.holder);
    kind.valueOf.set(effect.holder, value);
  }

  /** Facts that are missing, that nobody's event claims, or that another holds; at most `most`. */
  async compare(
    tx: Transaction,
    tenantId: TenantId,
    most: number,
  ): Promise<{ rows: number; differences: Difference[] }> {
    const differences: Difference[] = [];
    const missing = new Map([...this.#kinds].map(([kind, { holders }]) => [kind, new Map(holders)]));
    let rows = 0;
    for await (const { kind, value, holder } of factsOf(tx, tenantId)) {
      rows += 1;
      const place = this.#kinds.get(kind)?.keyed ? holder : value;
      const due = missing.get(kind)?.get(place);
      missing.get(kind)?.delete(place);
      if (due !== holder) differences.push(difference(kind, place, { kind, value, holder }, due));
    }
    for (const [kind, left] of missing)
      for (const [place, holder] of left) differences.push(difference(kind, place, null, holder));
    return { rows, differences: differences.slice(0, most) };
  }

  #kindOf(name: string, keyed: boolean): Kind {
    let kind = this.#kinds.get(name);
    if (!kind) this.#kinds.set(name, (kind = { keyed, holders: new Map(), valueOf: new Map() }));
    return kind;
  }
}

function difference(kind: string, value: string, live: Difference['live'], holder: string | undefined): Difference {
  return { table: 'unique_facts', key: { kind, value }, live, fold: holder === undefined ? null : { kind, holder } };
}

async function* factsOf(
  tx: Transaction,
  tenantId: TenantId,
): AsyncGenerator<{ readonly kind: string; readonly value: string; readonly holder: string }> {
  for (let after = { kind: '', value: '' }; ;) {
    const rows = await tx
      .selectFrom('unique_facts')
      .select(['kind', 'value', 'holder'])
      .where('tenant_id', '=', tenantId)
      .where(sql<boolean>`(kind, value) > (${after.kind}, ${after.value})`)
      .orderBy('kind')
      .orderBy('value')
      .limit(CHUNK)
      .execute();
    yield* rows;
    if (rows.length < CHUNK) return;
    after = rows.at(-1)!;
  }
}
