import { readdirSync, readFileSync } from 'node:fs';

/** Processor time of a process so far, in milliseconds; null where the system does not tell it in /proc. */
export function processorMsOf(pid: number): number | null {
  const fields = statOf(pid);
  return fields && sumOfTicks(fields, 11, 12);
}

/** Processor time of a PostgreSQL server with all its backends, those that have ended included, given one of them. */
export function postgresProcessorMs(backend: number): number | null {
  const own = statOf(backend);
  if (!own?.[0]?.includes('postgres')) return null;
  const server = Number(own[2]);
  const ended = statOf(server);
  let sum = ended ? sumOfTicks(ended, 11, 14) : 0;
  for (const name of readdirSync('/proc')) {
    const fields = /^\d+$/.test(name) ? statOf(Number(name)) : undefined;
    if (fields && Number(fields[2]) === server) sum += sumOfTicks(fields, 11, 12);
  }
  return sum;
}

/** The fields of /proc/<pid>/stat after the process id: program, state, parent …; times are 11 to 14 after the state. */
function statOf(pid: number): string[] | null {
  try {
    // The name of the program may hold anything up to the last parenthesis.
    const [, name = '', rest = ''] = /^\d+ \((.*)\) (.*)$/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
    return [name, ...rest.split(' ')];
  } catch {
    return null;
  }
}

// One tick is 10 ms.
function sumOfTicks(fields: readonly string[], first: number, last: number): number {
  return fields.slice(first + 1, last + 2).reduce((sum, field) => sum + Number(field), 0) * 10;
}
