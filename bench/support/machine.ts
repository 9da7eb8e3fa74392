import { execFileSync } from 'node:child_process';
import { cpus, loadavg, totalmem } from 'node:os';

/** What a figure means nothing without, one line each. */
export function describeMachine(postgres: string): string[] {
  const [first] = cpus();
  return [
    `${cpus().length} cores, ${first?.model.trim() ?? 'unknown processor'}, ${Math.round(totalmem() / 2 ** 30)} GiB of memory, load average ${loadavg()[0]?.toFixed(2)} at the start`,
    `Node ${process.versions.node}, PostgreSQL ${postgres}`,
    `commit ${commit()}`,
  ];
}

function commit(): string {
  try {
    const hash = git('rev-parse', '--short=12', 'HEAD');
    return git('status', '--porcelain') === '' ? hash : `${hash} with changes`;
  } catch {
    return 'unknown';
  }
}

function git(...args: string[]): string {
  return execFileSync('git', args, {
    cwd: import.meta.dirname,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim();
}
