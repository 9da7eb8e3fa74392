import { createHash, randomUUIDv7 } from 'node:crypto';
import { ConcurrencyError, DomainError, type TenantId } from '@grantkeeper/kernel';
import { AppendBatcher } from './append-batcher.ts';
import type { Database } from './database.ts';
import { refuseTooLarge } from './event-size.ts';
import type { InlineProjection, ProjectedEvent, ProjectedRow } from './inline-projection.ts';
import type { PreparedAppend } from './prepared-append.ts';
import { WorkingRows } from './working-rows.ts';

/** A place in a tenant's ledger. The epoch changes when a restore could give out numbers a second time. */
export interface Position {
  readonly epoch: number;
  readonly seq: number;
}

/** An event as it is handed in; the store knows its shape, not its meaning. */
export interface UnrecordedEvent {
  readonly definition: {
    readonly type: string;
    readonly version: number;
    readonly streamType: string;
    readonly wide: boolean;
    readonly endsAccess: boolean;
  };
  readonly streamId: string;
  readonly payload: unknown;
  readonly personal: Readonly<
    Record<string, { readonly subject: { readonly user: string } | 'tenant'; readonly value: string }>
  >;
}

/** Claims, moves (`expect` names the present holder) or releases (`holder` null) something unique in the tenant. */
export interface UniqueFact {
  readonly kind: string;
  readonly value: string;
  readonly holder: string | null;
  readonly expect: string | null;
}

/** A command's identity: repeated with the same fingerprint it gets the first result, with another it is refused. */
export interface CommandIdentity {
  /** UUID. */
  readonly id: string;
  readonly fingerprint: string;
}

export interface AppendInput {
  readonly tenantId: TenantId;
  readonly actor: object;
  /** Where the request came from: personal data of whoever acted, kept with every event that does not say it itself. */
  readonly origin?: { readonly address: string; readonly subject: { readonly user: string } | 'tenant' } | undefined;
  readonly correlationId?: string;
  readonly causationId?: string;
  readonly command?: CommandIdentity & { readonly result: unknown };
  /** The position at which the decision was read: a wider act above it refuses the append. */
  readonly read?: Position;
  /** The first append of a tenant makes its ledger. */
  readonly create?: boolean;
  /** These events begin a new epoch, of this number, which must be above the one that the ledger is in. */
  readonly epoch?: number;
  /** None where there is nothing to do, which a command keeps as its result like anything else. */
  readonly events: readonly UnrecordedEvent[];
  /** Rows that the decision read, by table: they give the expected versions and what projections evolve from. */
  readonly current?: ReadonlyArray<{ readonly table: string; readonly row: ProjectedRow }>;
  /** Streams that must still be at the version that the decision read, though it adds nothing to them. */
  readonly unmoved?: ReadonlyArray<{ readonly type: string; readonly id: string; readonly version: number }>;
  readonly facts?: readonly UniqueFact[];
  /** Operational rows that are written in the same transaction; see the placeholders in db/migrations/0004_append.ts. */
  readonly rows?: Readonly<Record<string, readonly object[]>>;
  readonly endFamilies?: readonly string[];
  /** A grant that the families to end are all of: refused as a conflict when it has another one by now. */
  readonly endsLastFamilyOf?: string;
  /** A grant of which no family has been used since this day: refused as a conflict when one has. */
  readonly unused?: { readonly grantId: string; readonly since: string };
}

/** What came of a command, and the position and the time at which that was recorded. */
export interface CarriedOut<Result> {
  readonly result: Result;
  readonly position: Position;
  readonly recordedAt: string;
}

export interface Appended {
  readonly epoch: number;
  readonly first: number;
  readonly last: number;
  readonly recordedAt: string;
}

/** Seals the personal fields of an event under the keys of those whom they concern. */
export abstract class PersonalDataSealer {
  /** The sealed text, or undefined for what must not be kept of a person who has been erased. */
  abstract seal(
    tenantId: TenantId,
    subject: { user: string } | 'tenant',
    place: { eventId: string; field: string },
    value: string,
  ): Promise<string | undefined>;
}

/** Told after every commit; a hint that may be lost. */
export type AppendListener = (tenantId: TenantId, appended: Appended) => void;

/** The placeholder for the time of recording in rows that are handed in. */
export const RECORDED_AT = '-infinity';

/** The placeholder for the position of the last event of an append of `count` events. */
export function positionOfLast(count: number): number {
  return -count;
}

/** The refusal of a command's id that comes back with another body. */
export function commandIdReused(): DomainError {
  return new DomainError(
    'command.id_reused',
    'This Idempotency-Key was used for a different request.',
    'conflict',
    'Idempotency-Key',
  );
}

/** SHA-256 of the JSON of `body`, base64url: the fingerprint of a command. */
export function fingerprintOf(body: unknown): string {
  return createHash('sha256').update(JSON.stringify(body)).digest('base64url');
}

/**
 * The ledgers of all tenants. An append is one statement and one commit: events, inline projections, unique facts and
 * operational rows together, or nothing.
 *
 * Rejects with `ConcurrencyError` when the state that the decision was read from has changed (see `retrying`), and with
 * `DomainError` `command.id_reused` when a command's id comes back with another body, `event.too_large` when an event is
 * larger than 64 KiB.
 */
export class EventStore {
  readonly #listeners: AppendListener[] = [];
  readonly #batcher: AppendBatcher;

  constructor(
    private readonly database: Database,
    private readonly projections: readonly InlineProjection[],
    private readonly sealer: PersonalDataSealer,
  ) {
    this.#batcher = new AppendBatcher(database);
  }

  onAppended(listener: AppendListener): void {
    this.#listeners.push(listener);
  }

  async append(input: AppendInput): Promise<Appended> {
    const prepared = await this.#prepare(input);
    const appended = await this.#batcher.append(input.tenantId, prepared).catch((error: unknown) => {
      // Who ends access does not give up because others were before them.
      if (prepared.revokes && (error as { code?: unknown }).code === '55P03')
        throw new ConcurrencyError('serialization', 'A lock could not be had in time.');
      throw translated(error);
    });
    for (const listener of this.#listeners) listener(input.tenantId, appended);
    return appended;
  }

  /** Appends to the ledgers of several tenants in one transaction, their heads locked in the order of their ids. */
  async appendTogether(inputs: readonly AppendInput[]): Promise<Appended[]> {
    const sorted = [...inputs].sort((a, b) => (a.tenantId < b.tenantId ? -1 : 1));
    const prepared = await Promise.all(
      sorted.map(async (input) => ({ tenant: input.tenantId, input: await this.#prepare(input) })),
    );
    const appended = await this.database.appendTogether<Appended>(prepared).catch((error: unknown) => {
      throw translated(error);
    });
    sorted.forEach((input, index) => this.#listeners.forEach((listener) => listener(input.tenantId, appended[index]!)));
    return appended;
  }

  /** The result of a command that has been carried out before, or undefined; refuses the same id with another body. */
  async resultOf<Result>(tenantId: TenantId, command: CommandIdentity): Promise<CarriedOut<Result> | undefined> {
    const row = await this.database.asTenant(tenantId, (tx) =>
      tx
        .selectFrom('commands')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .where('command_id', '=', command.id)
        .executeTakeFirst(),
    );
    if (!row) return undefined;
    if (row.fingerprint !== command.fingerprint) {
      throw commandIdReused();
    }
    return {
      result: row.result as Result,
      position: { epoch: row.epoch, seq: row.last_seq },
      recordedAt: row.recorded_at.toISOString(),
    };
  }

  async #prepare(input: AppendInput): Promise<PreparedAppend> {
    const rows = new WorkingRows(this.projections, input.current ?? []);
    const correlationId = input.correlationId ?? randomUUIDv7();
    const events = [];
    for (const [index, event] of input.events.entries()) {
      const eventId = randomUUIDv7();
      const personal: Record<string, string> = {};
      const address = input.origin && { address: { subject: input.origin.subject, value: input.origin.address } };
      for (const [field, { subject, value }] of Object.entries({ ...address, ...event.personal })) {
        const sealed = await this.sealer.seal(input.tenantId, subject, { eventId, field }, value);
        if (sealed !== undefined) personal[field] = sealed;
      }
      const { streamType, type, version } = event.definition;
      refuseTooLarge(type, event.payload, personal);
      const streamVersion = rows.nextVersion(streamType, event.streamId);
      const projected: ProjectedEvent = {
        tenantId: input.tenantId,
        seq: -(index + 1),
        recordedAt: RECORDED_AT,
        eventId,
        streamType,
        streamId: event.streamId,
        streamVersion,
        type,
        schemaVersion: version,
        actor: input.actor,
        payload: event.payload,
        personal,
      };
      rows.apply(projected);
      events.push({
        eventId,
        streamType,
        streamId: event.streamId,
        streamVersion,
        type,
        schemaVersion: version,
        payload: event.payload,
        personal,
        actor: input.actor,
        correlationId,
        causationId: input.causationId,
        commandId: input.command?.id,
      });
    }
    return {
      read: input.read,
      commands: input.command ? [{ ...input.command, last: events.length }] : [],
      create: input.create ?? false,
      epoch: input.epoch,
      wide: input.events.some((event) => event.definition.wide),
      revokes: input.events.some((event) => event.definition.endsAccess),
      streams: rows.expectedVersions(input.unmoved),
      events,
      facts: input.facts ?? [],
      endFamilies: input.endFamilies,
      endsLastFamilyOf: input.endsLastFamilyOf,
      unused: input.unused,
      rows: { ...rows.changed(), ...input.rows },
    };
  }
}

/** Database errors by SQLSTATE and constraint, translated here and nowhere else. */
function translated(error: unknown): unknown {
  const { code, constraint } = error as { code?: string; constraint?: string };
  switch (code) {
    case 'GK001':
      return new ConcurrencyError('stream_version', 'A stream has moved on.');
    case 'GK002':
      return new ConcurrencyError('overtaken', 'A wider act has overtaken the decision.');
    case 'GK003':
      return new ConcurrencyError('unique_fact', 'A unique fact is held by another stream.');
    case 'GK004':
      return new ConcurrencyError('epoch', 'The ledger has begun another epoch.');
    case '40001':
    case '40P01':
      return new ConcurrencyError('serialization', 'The transaction could not be serialized.');
    case '23505':
      if (constraint === 'commands_pkey')
        return new ConcurrencyError('serialization', 'The command is being carried out.');
      if (constraint === 'signing_keys_one_active' || constraint === 'signing_keys_one_pending')
        return new ConcurrencyError('serialization', 'Another signing key has come meanwhile.');
      if (constraint === 'tenant_directory_pkey' || constraint === 'tenants_pkey') {
        return new DomainError('tenant.slug_taken', 'A tenant with this slug exists.', 'conflict', 'slug');
      }
      if (constraint === 'answered_requests_pkey')
        return new DomainError('consent.answered', 'This request has been answered.', 'conflict');
      if (constraint === 'resources_tenant_id_url_key')
        return new DomainError('resource.url_taken', 'The tenant has a resource of this URL.', 'conflict', 'url');
      if (constraint === 'tenant_hosts_pkey')
        return new DomainError('tenant.host_taken', 'A tenant has this host.', 'conflict', 'hosts');
      return error;
    default:
      return error;
  }
}

type RetryListener = (reason: ConcurrencyError['reason']) => void;
const retryListeners = new Set<RetryListener>();

/** Tells `listener` of every attempt that is made again in this process, until the function that it answers is called. */
export function onAppendRetried(listener: RetryListener): () => void {
  retryListeners.add(listener);
  return () => retryListeners.delete(listener);
}

/**
 * Runs `attempt` again when what it read has changed meanwhile: it must load, decide and append anew. Gives up after
 * `times` with the last `ConcurrencyError`.
 */
export async function retrying<Result>(attempt: () => Promise<Result>, times = 5): Promise<Result> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof ConcurrencyError) || tries >= times) throw error;
      for (const listener of retryListeners) listener(error.reason);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 5 * 2 ** tries));
    }
  }
}

/**
 * Carries a command out once: its first result is the answer to every repetition, also to one that met what the first
 * had just made and so was refused. Without a command it is {@link retrying}. `answerOf` makes the answer of what was
 * kept, where that is not the answer itself.
 */
export async function once<Result, Kept = Result>(
  store: EventStore,
  tenantId: TenantId,
  command: CommandIdentity | undefined,
  attempt: () => Promise<Result>,
  answerOf: (kept: CarriedOut<Kept>) => Result | Promise<Result> = ({ result }) => result as unknown as Result,
): Promise<Result> {
  if (!command) return retrying(attempt);
  const before = async (): Promise<CarriedOut<Kept> | undefined> => store.resultOf<Kept>(tenantId, command);
  return retrying(async () => {
    const carriedOut = await before();
    if (carriedOut) return answerOf(carriedOut);
    try {
      return await attempt();
    } catch (error) {
      const meanwhile = error instanceof DomainError ? await before() : undefined;
      if (!meanwhile) throw error;
      return answerOf(meanwhile);
    }
  });
}
