import {
  type Actor,
  decideCutEnd,
  decideResumption,
  decideRevocation,
  decideSuspension,
  type NewEvent,
} from '@grantkeeper/domain';
import { type Database, type EventStore, lastEventId, retrying } from '@grantkeeper/event-store';
import type { PersonalData } from '@grantkeeper/keys';
import type { TenantId } from '@grantkeeper/kernel';
import { sql } from 'kysely';
import { countCutLinks, type CutLinkNow, type CutLinkState, digestOfCutLinks, readCutLinks } from './cut-links.ts';
import { type CutInLedger, readCut } from './cut-state.ts';

/** Links of one append: some milliseconds of the tenant's fence and head. */
const CUT_CHUNK = 100;

// How long others leave a cut alone whose worker says nothing.
const BUSY_SECONDS = 30;
const DECISIONS = ['CutRequested', 'CutApproved', 'CutUndoRequested'];

interface CutChunk extends CutInLedger {
  readonly links: readonly CutLinkNow[];
  readonly causationId: string | undefined;
}

export type CutTurn = 'done' | 'left' | 'busy';

/** What is done about one link: an event, or none, and what the list says of it from then on. */
interface Deed {
  readonly state: CutLinkState;
  readonly events: NewEvent[];
}

/**
 * Carries cuts out, and undoes them, chunk by chunk. A chunk's events and the marks in the list that say so are one
 * append: a process that dies leaves a chunk done or not done, and whoever goes on does nothing twice.
 */
export class CutExecution {
  readonly #chunk: number;

  constructor(
    private readonly database: Database,
    private readonly store: EventStore,
    private readonly personalData: PersonalData,
    options: { readonly chunk?: number } = {},
  ) {
    this.#chunk = options.chunk ?? CUT_CHUNK;
  }

  /**
   * Carries on with a cut until it is done, or `goesOn` says no after a chunk, which is answered `left`. Does nothing where
   * another process is at it, which is `busy`. Rejects when the list is not the one that was asked for.
   */
  async run(tenantId: TenantId, cutId: string, goesOn: () => boolean = () => true): Promise<CutTurn> {
    if (!(await this.#keep(tenantId, cutId, 'take'))) return 'busy';
    try {
      await this.#verifyList(tenantId, cutId);
      while (goesOn()) {
        if (!(await this.#step(tenantId, cutId))) return 'done';
        await this.#keep(tenantId, cutId, 'renew');
      }
      return 'left';
    } finally {
      await this.#keep(tenantId, cutId, 'leave');
    }
  }

  /** One chunk, or the end. False when there is nothing left to do. */
  async #step(tenantId: TenantId, cutId: string): Promise<boolean> {
    return retrying(async () => {
      const chunk = await this.#read(tenantId, cutId);
      const { row, links } = chunk;
      if (!row || (row.state !== 'running' && row.state !== 'undoing')) return false;
      if (links.length === 0) {
        await this.#end(tenantId, cutId);
        // To see what it has become: somebody may want it undone already.
        return true;
      }
      const undoing = row.state === 'undoing';
      const actor = (undoing ? row.undo_by : row.requested_by) as Actor;
      const sealed = undoing ? row.undo_reason_sealed : row.reason_sealed;
      const reason = (await this.personalData.open(tenantId, 'reason', sealed)) ?? undefined;
      const deeds = links.map((now): Deed =>
        undoing ? undo(tenantId, now, actor, reason) : act(tenantId, now, row.act, actor, reason),
      );
      const events = deeds.flatMap((deed) => deed.events);
      let placed = 0;
      const marked = links.map(({ link }, index) => {
        const { state, events: own } = deeds[index]!;
        // A position of this append, as append() writes it; what is resumed keeps the position of its suspension.
        if (own.length > 0) placed += 1;
        return { ...link, state, done_seq: own.length > 0 && !undoing ? -placed : link.done_seq };
      });
      await this.store.append({
        tenantId,
        actor,
        correlationId: cutId,
        ...(chunk.causationId !== undefined && { causationId: chunk.causationId }),
        read: chunk.position,
        events,
        // Also of those that nothing is recorded about: what was decided on them must still be so.
        unmoved: links.map(({ link, grant }) => ({
          type: 'grant',
          id: link.grant_id,
          version: Number(grant['stream_version']),
        })),
        current: links.flatMap((now) => [
          { table: 'grants', row: now.grant },
          ...(now.suspension ? [{ table: 'suspensions', row: now.suspension }] : []),
        ]),
        rows: { cut_links: marked },
      });
      return true;
    });
  }

  #read(tenantId: TenantId, cutId: string): Promise<CutChunk> {
    return this.database.asTenantAtOneMoment(tenantId, async (tx) => {
      const cut = await readCut(tx, tenantId, cutId);
      const state = cut.state?.state === 'undoing' ? 'done' : 'pending';
      return {
        ...cut,
        links: await readCutLinks(tx, tenantId, cutId, { state, limit: this.#chunk }),
        causationId: await lastEventId(tx, tenantId, { streamType: 'cut', streamId: cutId, types: DECISIONS }),
      };
    });
  }

  async #end(tenantId: TenantId, cutId: string): Promise<void> {
    const { cut, counts, causationId } = await this.database.asTenantAtOneMoment(tenantId, async (tx) => ({
      cut: await readCut(tx, tenantId, cutId),
      counts: await countCutLinks(tx, tenantId, cutId),
      causationId: await lastEventId(tx, tenantId, { streamType: 'cut', streamId: cutId, types: DECISIONS }),
    }));
    // Read anew: a cut that another process has finished may be asked to be undone by now.
    const events = decideCutEnd(cut.state, {
      left: cut.state?.state === 'undoing' ? counts.done : counts.pending,
      done: counts.done,
      passedOver: counts.ended + counts.suspended_before,
      receiptSeq: counts.lastSeq,
      resumed: counts.resumed,
      kept: counts.kept,
    });
    if (events.length === 0) return;
    await this.store.append({
      tenantId,
      actor: { kind: 'system', id: 'cuts' },
      correlationId: cutId,
      ...(causationId !== undefined && { causationId }),
      read: cut.position,
      events,
      current: cut.current,
    });
  }

  /** What was previewed, asked for and approved is what the list holds; otherwise nothing is done. */
  async #verifyList(tenantId: TenantId, cutId: string): Promise<void> {
    const { expected, found } = await this.database.asTenantAtOneMoment(tenantId, async (tx) => ({
      expected: (await readCut(tx, tenantId, cutId)).row?.list_digest,
      found: await digestOfCutLinks(tx, tenantId, cutId),
    }));
    if (expected !== undefined && expected !== found)
      throw new Error('The list of a cut is not the one that was asked for: nothing is done.');
  }

  /** So that two workers do not try the same chunk: only time is lost when this goes wrong. */
  async #keep(tenantId: TenantId, cutId: string, how: 'take' | 'renew' | 'leave'): Promise<boolean> {
    const free = how === 'take' ? sql`busy_until < clock_timestamp()` : sql`true`;
    const until = how === 'leave' ? sql`'-infinity'` : sql`clock_timestamp() + make_interval(secs => ${BUSY_SECONDS})`;
    const { numAffectedRows } = await this.database.asTenant(tenantId, (tx) =>
      sql`UPDATE cut_lists SET busy_until = ${until} WHERE tenant_id = ${tenantId} AND cut_id = ${cutId} AND ${free}`.execute(
        tx,
      ),
    );
    return (numAffectedRows ?? 0n) > 0n;
  }
}

function act(tenantId: TenantId, now: CutLinkNow, what: string, by: Actor, reason: string | undefined): Deed {
  const { grantId, ended } = now.parties;
  if (ended) return { state: 'ended', events: [] };
  const target = { kind: 'grant', grantId } as const;
  const why = reason === undefined ? {} : { reason };
  if (what === 'revoke') {
    const grant = { ...now.parties, suspended: now.suspended, livingFamilies: [] };
    const revoke = { target, because: 'admin', by: by.kind, ...why } as const;
    const events = decideRevocation(tenantId, { exists: true, grant }, revoke);
    return { state: 'done', events };
  }
  const suspendedBy = (now.suspension?.['actor'] as Actor | undefined)?.kind;
  const state = { exists: true, suspended: now.suspended, suspendedBy, grant: now.parties };
  const events = decideSuspension(tenantId, state, { target, by: by.kind, ...why });
  // Also where an operator has suspended anew what an admin had: the undo leaves it to whoever wanted it before.
  return { state: now.suspended ? 'suspended_before' : 'done', events };
}

/** Resumes what the cut has suspended, where that is still the suspension and nobody else wants it. */
function undo(tenantId: TenantId, now: CutLinkNow, by: Actor, reason: string | undefined): Deed {
  const { grantId, ended } = now.parties;
  const ours = now.suspended && now.suspension?.['suspended_seq'] === now.link.done_seq;
  if (ended || !ours || now.wantedByAnother) return { state: 'kept', events: [] };
  const suspendedBy = (now.suspension?.['actor'] as Actor | undefined)?.kind;
  const events = decideResumption(
    tenantId,
    { exists: true, suspended: true, suspendedBy, grant: now.parties },
    { target: { kind: 'grant', grantId }, by: by.kind, ...(reason !== undefined && { reason }) },
  );
  return { state: 'resumed', events };
}
