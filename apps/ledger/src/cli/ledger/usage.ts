import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';

/** The command was not called as it can be; the message says what is wrong, {@link usage} what is right. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const usage = `Usage: npm run ledger -- <command> [options]

  tail     the last events, and with --follow every new one as it is recorded
             --tenant <slug or id>   of one ledger; else of all
             --lines <n>             how many to begin with (10)
             --after <seq>           all after this number, with --tenant
             --follow                go on until Ctrl-C
             --json                  one JSON object for each event, in place of words
  verify   folds the ledgers and compares every live row with what the events say
             --tenant <slug or id>   one ledger; else all, the system's too
  rebuild  builds a projection anew beside the one that is read, then switches to it
             <projection>            its name, or "all"
             --tenant <slug or id>   of one tenant; else of all
  new-epoch  after the database was restored to an earlier point, before it serves again: every credential from before is
             dead, and enforcement points read the feed anew. No service may be connected
             --yes                   you mean it
             --reapply <file>        an export (NDJSON) that reaches beyond that point: ends and suspends again what was
                                     ended or suspended after it; may be given several times. Where it tells of a
                                     revoked signing key, GRANTKEEPER_MASTER_KEYS is needed for another one
  stats    how long the ledgers are, what is behind them, and when they were verified
             --tenant <slug or id>   everything about one

The database is that of DATABASE_URL, else the one that "npm start" keeps in .data (GRANTKEEPER_DATA_DIR), whether it
is running or not. "system" is the ledger of the operators.

Exit codes: 0 all is well; 1 a ledger is not whole, a live row is not what the events
say, something lost could not be done again, or a projection could not be built; 2 the command could not be
carried out.`;

/** The options of a command; throws {@link UsageError} for one that it does not have. */
export function optionsOf<Options extends ParseArgsOptionsConfig>(args: readonly string[], options: Options) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** A whole number that is not negative. */
export function numberOf(option: string, text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new UsageError(`${option} takes a whole number, and this is "${text}".`);
  return Number(text);
}
