import { epochBegun } from '@grantkeeper/domain';
import {
  type Database,
  EventStore,
  PersonalDataSealer,
  type Position,
  SERVICE_CONNECTION,
} from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import { StartupError } from '@grantkeeper/platform';
import { inlineProjections } from '@grantkeeper/read-models';
import { FeedEpoch } from './feed-epoch.ts';
import { ledgersOf } from './ledgers.ts';
import { lostActs } from './lost-acts.ts';
import { signingKeysFor } from './lost-signing-keys.ts';
import { counted } from './progress-bar.ts';
import { Reapplication } from './reapplication.ts';
import type { TargetDatabase } from './target-database.ts';
import { optionsOf, UsageError } from './usage.ts';

const ACTOR = { kind: 'operator', id: 'new-epoch' } as const;
/** An epoch is the number of minutes since then, so that none is used again, however far back a restore goes. */
const EPOCHS_BEGIN = Date.UTC(2026, 0, 1);

/**
 * `new-epoch --yes [--reapply export.ndjson]…`: begins a new epoch in every ledger after a restore, which may have lost events
 * and would give out their numbers again. What had been ended or suspended in the lost part is so again, as far as the
 * exports tell; the feed's epoch comes last, so that points learn all of it at once. When it was interrupted it is
 * called again. Refuses while services are connected, and without `--yes`. Answers 1 when something that an export tells of could not be done again.
 */
export async function newEpochCommand(
  args: readonly string[],
  database: Database,
  _stopping: AbortSignal,
  target: TargetDatabase,
): Promise<number> {
  const { values, positionals } = optionsOf(args, {
    reapply: { type: 'string', multiple: true },
    yes: { type: 'boolean', default: false },
  });
  if (positionals.length > 0) throw new UsageError(`new-epoch does not take "${positionals[0]}".`);
  await refuseBesideServices(database);
  const exports = values.reapply ?? [];
  if (exports.length === 0)
    console.log('no export given: nothing is known of what was lost, and nothing is ended again');
  if (!values.yes) {
    const { size } = await headsOf(database);
    const message = `This ends every link, session, code and token of ${counted(size, 'ledger')} in ${target.named}: everybody signs in and links again. Nothing has been done. Add --yes if the database was restored and you mean it.`;
    throw new StartupError(message);
  }
  const feed = await FeedEpoch.open(process.env['MIGRATION_DATABASE_URL'] ?? target.url);
  try {
    return await beginEpoch(exports, database, feed, target);
  } finally {
    await feed.close();
  }
}

async function beginEpoch(
  exports: readonly string[],
  database: Database,
  feed: FeedEpoch,
  target: TargetDatabase,
): Promise<number> {
  const heads = await headsOf(database);
  const lost = await lostActs(exports, database, heads);
  const signingKeys = await signingKeysFor(lost, database, target);
  const epoch = await nextEpoch(database);
  const store = new EventStore(database, inlineProjections, new NothingPersonal());
  const reapplication = new Reapplication(database, store, signingKeys, ACTOR);
  let undone = 0;
  for await (const { id, name } of ledgersOf(database, undefined)) {
    const before = heads.get(id)!;
    const events = [epochBegun.on(String(epoch), { epoch, before })];
    await store.append({ tenantId: id, actor: ACTOR, epoch, events });
    const { again, left } = await reapplication.carryOut(id, lost.get(id) ?? []);
    undone += left.length;
    console.log(
      `${name}  epoch ${before.epoch} ended with event ${before.seq}; ${counted(again, 'lost act')} done again`,
    );
    for (const { seq, type, why } of left) console.log(`    event ${seq}, ${type}, was not: ${why}`);
  }
  await feed.begin(epoch);
  console.log(
    `${counted(heads.size, 'ledger')} and the revocation feed are in epoch ${epoch}: every credential from before is dead.`,
  );
  return undone > 0 ? 1 : 0;
}

/** What a service decides meanwhile it would decide in the old epoch, and would go on serving what dies. */
async function refuseBesideServices(database: Database): Promise<void> {
  const [row] = await database.relay<{ connections: number }>(
    `SELECT count(*)::int AS connections FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = $1`,
    [SERVICE_CONNECTION],
  );
  if (!row || row.connections === 0) return;
  throw new StartupError(
    `Services are connected to this database (${counted(row.connections, 'connection')}). Stop them all first, and start them when this is done.`,
  );
}

async function headsOf(database: Database): Promise<Map<TenantId, Position>> {
  const rows = await database.relay<{ tenant_id: TenantId; epoch: number; seq: number }>(
    'SELECT tenant_id, epoch, seq FROM heads',
  );
  return new Map(rows.map(({ tenant_id, epoch, seq }) => [tenant_id, { epoch, seq }]));
}

async function nextEpoch(database: Database): Promise<number> {
  const [row] = await database.relay<{ highest: number }>(
    'SELECT greatest((SELECT max(epoch) FROM heads), (SELECT epoch FROM feed_head)) AS highest',
  );
  return Math.max((row?.highest ?? 1) + 1, Math.floor((Date.now() - EPOCHS_BEGIN) / 60_000));
}

/** What is done again is done without the free text that went with it. */
class NothingPersonal extends PersonalDataSealer {
  override seal(): Promise<string> {
    return Promise.reject(new Error('There is nothing personal to seal.'));
  }
}
