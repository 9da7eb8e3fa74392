import { setTimeout as sleep } from 'node:timers/promises';
import { type Actor, eventCatalogue } from '@grantkeeper/domain';
import type { Database } from '@grantkeeper/event-store';
import { tellRecorded } from '@grantkeeper/read-models';
import { ledgersOf, type NamedLedger, newestLedgers } from './ledgers.ts';
import { numberOf, optionsOf, UsageError } from './usage.ts';

const PAGE = 500;
const POLL_MS = 300;
const LONGEST_TYPE = Math.max(...eventCatalogue.map(({ type }) => type.length));

/**
 * `tail [--tenant slug or id] [--lines n | --after seq] [--follow] [--json]`: the last events, oldest first, and then new
 * ones as they are recorded. Personal data stays sealed. Answers 1 when a number is missing: a ledger has none missing.
 */
export async function tailCommand(args: readonly string[], database: Database, stopping: AbortSignal): Promise<number> {
  const { values, positionals } = optionsOf(args, {
    tenant: { type: 'string' },
    lines: { type: 'string', default: '10' },
    after: { type: 'string' },
    follow: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  });
  if (positionals.length > 0) throw new UsageError(`tail does not take "${positionals[0]}".`);
  if (values.after !== undefined && values.tenant === undefined)
    throw new UsageError('--after is a number of one ledger: say which with --tenant.');
  const lines = numberOf('--lines', values.lines);
  const after = values.after === undefined ? undefined : numberOf('--after', values.after);
  const follower = new Follower(database, values.json ? toJson : toWords);
  try {
    if (values.tenant !== undefined) {
      for await (const ledger of ledgersOf(database, values.tenant)) {
        follower.stand(ledger, after ?? Math.max(0, ledger.seq - lines));
        await follower.read(ledger, stopping);
      }
    } else {
      // The newest events of all are among the newest of the ledgers that have grown last.
      const newest: EventLine[] = [];
      const ledgers = await newestLedgers(database, lines);
      for (const ledger of ledgers)
        newest.push(...(await readAfter(database, ledger, Math.max(0, ledger.seq - lines))));
      newest.sort((a, b) => a.recordedAt.getTime() - b.recordedAt.getTime() || a.seq - b.seq);
      if (lines > 0) for (const event of newest.slice(-lines)) follower.print(event);
      for (const ledger of ledgers)
        follower.stand(ledger, newest.findLast((event) => event.tenant === ledger.id)?.seq ?? ledger.seq);
    }
    if (values.follow) await follower.follow(values.tenant, stopping);
    return 0;
  } catch (error) {
    if (!(error instanceof MissingEvent)) throw error;
    console.error(error.message);
    return 1;
  }
}

interface EventLine {
  readonly tenant: string;
  readonly ledger: string;
  readonly epoch: number;
  readonly seq: number;
  readonly recordedAt: Date;
  readonly type: string;
  readonly schema: number;
  readonly stream: { readonly type: string; readonly id: string; readonly version: number };
  readonly actor: Actor;
  readonly correlationId: string;
  readonly causationId: string | null;
  readonly payload: unknown;
  readonly sealed: readonly string[];
}

class MissingEvent extends Error {}

/** Where in each ledger the reader stands, so that it sees each event once and every one. */
class Follower {
  readonly #at = new Map<string, number>();

  constructor(
    private readonly database: Database,
    private readonly format: (event: EventLine) => string,
  ) {}

  stand({ id }: NamedLedger, seq: number): void {
    this.#at.set(id, seq);
  }

  print(event: EventLine): void {
    console.log(this.format(event));
  }

  async read(ledger: NamedLedger, stopping: AbortSignal): Promise<void> {
    for (;;) {
      const at = this.#at.get(ledger.id) ?? 0;
      const events = await readAfter(this.database, ledger, at);
      for (const event of events) {
        const due = (this.#at.get(ledger.id) ?? 0) + 1;
        if (event.seq !== due) throw new MissingEvent(`✗ ${ledger.name}: event ${due} is missing before ${event.seq}.`);
        this.#at.set(ledger.id, event.seq);
        this.print(event);
      }
      if (events.length < PAGE || stopping.aborted) return;
    }
  }

  /** A ledger that was not there at the beginning is new, and read from its first event. */
  async follow(tenant: string | undefined, stopping: AbortSignal): Promise<void> {
    if (tenant === undefined) {
      for await (const ledger of ledgersOf(this.database, undefined)) {
        if (!this.#at.has(ledger.id)) this.stand(ledger, ledger.seq);
      }
    }
    while (!stopping.aborted) {
      for await (const ledger of ledgersOf(this.database, tenant)) {
        if (ledger.seq > (this.#at.get(ledger.id) ?? 0)) await this.read(ledger, stopping);
      }
      await sleep(POLL_MS, undefined, { signal: stopping }).catch(() => undefined);
    }
  }
}

async function readAfter(database: Database, { id, name }: NamedLedger, seq: number): Promise<EventLine[]> {
  const rows = await database.asTenant(id, (tx) =>
    tx
      .selectFrom('events')
      .selectAll()
      .where('tenant_id', '=', id)
      .where('seq', '>', seq)
      .orderBy('seq')
      .limit(PAGE)
      .execute(),
  );
  return rows.map((row) => ({
    tenant: id,
    ledger: name,
    epoch: row.epoch,
    seq: row.seq,
    recordedAt: row.recorded_at,
    type: row.type,
    schema: row.schema_version,
    stream: { type: row.stream_type, id: row.stream_id, version: row.stream_version },
    actor: row.actor as Actor,
    correlationId: row.correlation_id,
    causationId: row.causation_id,
    payload: row.payload as unknown,
    sealed: Object.keys(row.personal as object),
  }));
}

function toJson(event: EventLine): string {
  return JSON.stringify(event);
}

function toWords(event: EventLine): string {
  return [
    event.recordedAt.toISOString(),
    event.ledger,
    String(event.seq).padStart(6),
    event.type.padEnd(LONGEST_TYPE),
    chainOf(event.actor),
    tellRecorded({ ...event, schemaVersion: event.schema }).words,
  ].join('  ');
}

/** Who acted, and through whom: `admin 0199… via operator deploy`. */
function chainOf({ kind, id, via }: Actor): string {
  return `${kind} ${id}${via ? ` via ${chainOf(via)}` : ''}`;
}
