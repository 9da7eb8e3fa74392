import { commandSettings, loadConfig } from '@grantkeeper/config';
import { Database } from '@grantkeeper/event-store';
import { checkSchema, describeFailure } from '@grantkeeper/platform';
import { newEpochCommand } from './ledger/new-epoch.command.ts';
import { openTargetDatabase, type TargetDatabase } from './ledger/target-database.ts';
import { rebuildCommand } from './ledger/rebuild.command.ts';
import { statsCommand } from './ledger/stats.command.ts';
import { tailCommand } from './ledger/tail.command.ts';
import { usage, UsageError } from './ledger/usage.ts';
import { verifyCommand } from './ledger/verify.command.ts';

/** Answers the exit code: 0 all is well, 1 something is wrong with a ledger, 2 the command could not be carried out. */
export type LedgerCommand = (
  args: readonly string[],
  database: Database,
  stopping: AbortSignal,
  target: TargetDatabase,
) => Promise<number>;

const commands: Readonly<Record<string, LedgerCommand>> = {
  tail: tailCommand,
  verify: verifyCommand,
  rebuild: rebuildCommand,
  'new-epoch': newEpochCommand,
  stats: statsCommand,
};

async function run([name, ...args]: readonly string[]): Promise<number> {
  if (name === undefined || name === 'help' || [name, ...args].some((arg) => arg === '--help' || arg === '-h')) {
    console.log(usage);
    return name === undefined ? 2 : 0;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) throw new UsageError(`There is no command "${name}".`);
  const target = await openTargetDatabase(loadConfig(commandSettings, process.env));
  const stopping = new AbortController();
  // The first signal ends the command in order, a second one at once.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort());
  try {
    await checkSchema(target.named, target.url);
    const database = new Database({ url: namedUrl(target.url), max: 3, onError: () => undefined });
    try {
      return await command(args, database, stopping.signal, target);
    } finally {
      await database.close();
    }
  } finally {
    await target.close();
  }
}

/** So that no command takes itself for a service. */
function namedUrl(url: string): string {
  const named = new URL(url);
  named.searchParams.set('application_name', 'grantkeeper-ledger');
  return named.href;
}

// Whoever reads our output may have seen enough (`| head`): that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

run(process.argv.slice(2)).then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    if (error instanceof UsageError) console.error(`${error.message} "npm run ledger -- help" says what there is.`);
    else console.error(describeFailure(error));
    process.exitCode = 2;
  },
);
