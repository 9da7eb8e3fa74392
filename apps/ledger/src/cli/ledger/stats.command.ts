import { ProjectionGenerations } from '@grantkeeper/consumers';
import { type Database, VerificationRecords } from '@grantkeeper/event-store';
import { SYSTEM_TENANT } from '@grantkeeper/kernel';
import { asyncProjections } from '@grantkeeper/read-models';
import { sql } from 'kysely';
import { ledgersOf, type NamedLedger } from './ledgers.ts';
import { count, counted } from './progress-bar.ts';
import { table } from './table.ts';
import { optionsOf, UsageError } from './usage.ts';

const MOST = 50;

/** Somebody outside who is told of events. */
interface Receiver {
  readonly name: string;
  readonly at: number;
  readonly behind: number;
  readonly attempts: number;
  readonly error: string | null;
  readonly disabled: string | null;
}

/** `stats [--tenant slug or id]`: how long the ledgers are, how far behind their readers, and when they were verified. */
export async function statsCommand(args: readonly string[], database: Database): Promise<number> {
  const { values, positionals } = optionsOf(args, { tenant: { type: 'string' } });
  if (positionals.length > 0) throw new UsageError(`stats does not take "${positionals[0]}".`);
  if (values.tenant === undefined) await showAll(database);
  else for await (const ledger of ledgersOf(database, values.tenant)) await showOne(database, ledger);
  return 0;
}

interface Overview {
  readonly ledger: string;
  readonly events: number;
  readonly last: Date | null;
  readonly behind: number;
  readonly failing: number;
  readonly letters: number;
  readonly verified_at: Date | null;
  readonly ok: boolean | null;
}

/** By heads, cursors and what the relay may see: it reads no tenant's own rows, however many there are. */
async function showAll(database: Database): Promise<void> {
  const rows = await database.relay<Overview>(
    `SELECT coalesce(d.slug, CASE WHEN h.tenant_id = $2 THEN 'system' ELSE h.tenant_id::text END) AS ledger,
       h.seq AS events, nullif(h.last_recorded_at, '-infinity') AS last,
       coalesce((SELECT max(greatest(0, h.seq - c.seq)) FROM consumer_cursors c WHERE c.tenant_id = h.tenant_id), h.seq) AS behind,
       (SELECT count(*)::int FROM consumer_cursors c WHERE c.tenant_id = h.tenant_id AND c.attempts > 0) AS failing,
       (SELECT count(*)::int FROM dead_letters l WHERE l.tenant_id = h.tenant_id AND l.resolved_at IS NULL) AS letters,
       v.verified_at, v.ok
     FROM heads h LEFT JOIN tenant_directory d ON d.tenant_id = h.tenant_id
     LEFT JOIN ledger_verifications v ON v.tenant_id = h.tenant_id
     ORDER BY h.seq DESC, h.tenant_id LIMIT $1`,
    [MOST, SYSTEM_TENANT],
  );
  const [totals] = await database.relay<{ ledgers: number; events: number; letters: number; diverged: number }>(
    `SELECT (SELECT count(*)::int FROM heads) AS ledgers, (SELECT coalesce(sum(seq), 0)::bigint FROM heads) AS events,
       (SELECT count(*)::int FROM dead_letters WHERE resolved_at IS NULL) AS letters,
       (SELECT count(*)::int FROM ledger_verifications WHERE NOT ok) AS diverged`,
  );
  if (!totals) return;
  console.log(
    table(
      ['ledger', 'events', 'behind', 'failing', 'dead letters', 'verified', 'last event'],
      rows.map((row) => [
        row.ledger,
        count(row.events),
        count(row.behind),
        count(row.failing),
        count(row.letters),
        verdict(row.verified_at, row.ok),
        row.last?.toISOString() ?? '',
      ]),
    ),
  );
  if (totals.ledgers > rows.length) console.log(`and ${counted(totals.ledgers - rows.length, 'shorter ledger')}`);
  console.log(
    `\n${counted(totals.ledgers, 'ledger')}, ${counted(totals.events, 'event')}, ${counted(totals.letters, 'open dead letter')}, ${totals.diverged === 0 ? 'none' : count(totals.diverged)} found not to be what its events say`,
  );
}

async function showOne(database: Database, { id, name, seq }: NamedLedger): Promise<void> {
  const read = await database.asTenantAtOneMoment(id, async (tx) => ({
    head: await tx.selectFrom('heads').selectAll().where('tenant_id', '=', id).executeTakeFirstOrThrow(),
    types: await tx
      .selectFrom('events')
      .select(['type', (e) => e.fn.countAll<number>().as('number'), (e) => e.fn.max('recorded_at').as('last')])
      .where('tenant_id', '=', id)
      .groupBy('type')
      .orderBy('number', 'desc')
      .orderBy('type')
      .execute(),
    consumers: await tx
      .selectFrom('consumer_cursors')
      .select(['consumer', 'seq', 'attempts', 'last_error'])
      .where('tenant_id', '=', id)
      .where('consumer', 'not like', '%@%')
      .orderBy('consumer')
      .execute(),
    receivers: (
      await sql<Receiver>`
        SELECT c.receiver_kind || '-' || c.receiver_id AS name, c.through_seq AS at, c.attempts, c.last_error AS error,
          w.disabled_because AS disabled,
          CASE WHEN c.receiver_kind = 'webhook' THEN h.seq - c.through_seq ELSE (
            SELECT count(*) FROM signal_sets e WHERE e.tenant_id = c.tenant_id AND e.stream_id = c.receiver_id
              AND e.no > c.through_seq) END AS behind
        FROM receiver_cursors c JOIN heads h ON h.tenant_id = c.tenant_id
        LEFT JOIN webhooks w ON w.tenant_id = c.tenant_id AND w.webhook_id = c.receiver_id
        WHERE c.tenant_id = ${id}::uuid AND w.removed_seq IS NULL ORDER BY 1`.execute(tx)
    ).rows,
    letters: await tx
      .selectFrom('dead_letters')
      .select(['consumer', sql<number>`count(*)::int`.as('number')])
      .where('tenant_id', '=', id)
      .where('resolved_at', 'is', null)
      .groupBy('consumer')
      .execute(),
  }));
  const verification = await new VerificationRecords(database).last(id);
  const projections = await new ProjectionGenerations(database, asyncProjections).progress(id);
  console.log(
    `${name}  ${id}\n${counted(seq, 'event')} in epoch ${read.head.epoch}; the last act that overtakes decisions is at ${read.head.wide_seq}`,
  );
  console.log(
    `verified: ${verdict(verification?.verifiedAt ?? null, verification?.ok ?? null)}${verification ? ` at ${verification.position.seq}` : ''}\n`,
  );
  console.log(
    table(
      ['event', 'number', 'last'],
      read.types.map((row) => [row.type, count(row.number), new Date(row.last).toISOString()]),
    ),
  );
  console.log(
    `\n${table(
      ['reader', 'at', 'behind', 'dead letters', 'state'],
      [
        ...read.consumers.map((row) => [
          row.consumer,
          count(row.seq),
          count(Math.max(0, read.head.seq - row.seq)),
          count(read.letters.find((letter) => letter.consumer === row.consumer)?.number ?? 0),
          row.attempts === 0 ? 'reads' : `tried ${row.attempts} times: ${row.last_error ?? ''}`,
        ]),
        ...read.receivers.map((row) => [
          row.name,
          count(row.at),
          count(Math.max(0, row.behind)),
          count(read.letters.find((letter) => letter.consumer === row.name)?.number ?? 0),
          receiverState(row),
        ]),
        ...projections.flatMap(({ projection, live, building }) =>
          [
            { of: live, state: 'read' },
            { of: building, state: 'being built' },
          ].flatMap(({ of, state }) =>
            of === null
              ? []
              : [
                  [
                    `${projection}@${of.generation}`,
                    count(of.seq),
                    count(of.lag),
                    '0',
                    of.failing ? `tried ${of.failing.attempts} times: ${of.failing.reason ?? ''}` : state,
                  ],
                ],
          ),
        ),
      ],
    )}`,
  );
}

function receiverState({ disabled, attempts, error }: Receiver): string {
  if (disabled !== null) return `is told nothing: ${disabled}`;
  return attempts === 0 ? 'is told' : `tried ${attempts} times: ${error ?? ''}`;
}

function verdict(at: Date | null, ok: boolean | null): string {
  if (at === null) return 'never';
  return `${ok === true ? '✓' : '✗'} ${at.toISOString()}`;
}
