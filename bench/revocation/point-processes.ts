import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Cleanup } from '../support/cleanup.ts';
import type { Counts, Fate, Order, Report } from './messages.ts';
import type { Tenancy } from './deployment.ts';

/** Enforcement points in several processes, seen as one: the last of them decides. */
export class PointProcesses {
  readonly #children: readonly ChildProcess[];
  readonly #fates = new Map<string, Fate[]>();

  private constructor(children: readonly ChildProcess[]) {
    this.#children = children;
    for (const child of children)
      child.on('message', (report: Report) => {
        if (report.type !== 'fate') return;
        const of = this.#fates.get(report.fate.id) ?? [];
        of.push(report.fate);
        this.#fates.set(report.fate.id, of);
      });
  }

  static async start(
    { issuer, resource, credential }: Tenancy,
    { processes, points, controls }: { processes: number; points: number; controls: readonly string[] },
    cleanup: Cleanup,
  ): Promise<PointProcesses> {
    const program = fileURLToPath(new URL('points.ts', import.meta.url));
    const children = Array.from({ length: processes }, () =>
      fork(program, { execArgv: ['--disable-warning=ExperimentalWarning'] }),
    );
    const all = new PointProcesses(children);
    cleanup.add(() => all.stop());
    await all.#order(
      (n) => ({
        type: 'start',
        issuer,
        resource,
        credential,
        points: Math.floor(points / processes) + (n < points % processes ? 1 : 0),
        controls,
      }),
      'ready',
    );
    return all;
  }

  /** Resolves when every point has accepted each of these tokens. */
  async watch(tokens: readonly (readonly [string, string])[]): Promise<void> {
    await this.#order(() => ({ type: 'watch', tokens }), 'watching');
  }

  /**
   * Every point is presented these tokens one after the other, each until it refuses it. Resolves when they have begun, to
   * what resolves to their fates when all are refused everywhere.
   */
  async walk(tokens: readonly (readonly [string, string])[]): Promise<{ readonly done: Promise<Map<string, Fate>> }> {
    const walked = this.#answers('walked');
    await this.#order(() => ({ type: 'walk', tokens }), 'watching');
    return { done: walked.then((reports) => together(reports)) };
  }

  forget(ids: readonly string[]): void {
    for (const child of this.#children) child.send({ type: 'forget', ids } satisfies Order);
  }

  /** What became of a token at all points, once all refuse it; undefined until then. */
  fateOf(id: string): Fate | undefined {
    const of = this.#fates.get(id) ?? [];
    if (of.length < this.#children.length) return undefined;
    return joined(id, of);
  }

  async counts(): Promise<Counts> {
    const reports = await this.#order(() => ({ type: 'report' }), 'counts');
    const sum = (of: (counts: Counts) => number): number =>
      reports.reduce((total, report) => total + (report.type === 'counts' ? of(report.counts) : 0), 0);
    return {
      calls: sum(({ calls }) => calls),
      unavailable: sum(({ unavailable }) => unavailable),
      wronglyRefused: sum(({ wronglyRefused }) => wronglyRefused),
    };
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.#children.map(async (child) => {
        if (!child.connected) return;
        const gone = once(child, 'exit');
        child.send({ type: 'stop' } satisfies Order);
        await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, 10_000))]);
        child.kill('SIGKILL');
      }),
    );
  }

  async #order(order: (child: number) => Order, answer: Report['type']): Promise<Report[]> {
    const answered = this.#answers(answer);
    this.#children.forEach((child, n) => child.send(order(n)));
    return answered;
  }

  /** The next answer of each process of this kind. */
  #answers(answer: Report['type']): Promise<Report[]> {
    return Promise.all(
      this.#children.map(
        (child) =>
          new Promise<Report>((resolve, reject) => {
            const gone = (): void => reject(new Error('A process of enforcement points has ended.'));
            const hear = (report: Report): void => {
              if (report.type !== answer) return;
              child.off('message', hear);
              child.off('exit', gone);
              resolve(report);
            };
            child.on('message', hear);
            child.once('exit', gone);
          }),
      ),
    );
  }
}

/** What a token met in all processes. */
function joined(id: string, fates: readonly Fate[]): Fate {
  return {
    id,
    lastAccepted: Math.max(...fates.map((fate) => fate.lastAccepted)),
    firstRefused: Math.min(...fates.map((fate) => fate.firstRefused)),
    allRefused: Math.max(...fates.map((fate) => fate.allRefused)),
  };
}

function together(reports: readonly Report[]): Map<string, Fate> {
  const fates = new Map<string, Fate[]>();
  for (const report of reports) {
    if (report.type !== 'walked') continue;
    for (const fate of report.fates) fates.set(fate.id, [...(fates.get(fate.id) ?? []), fate]);
  }
  return new Map([...fates].map(([id, of]) => [id, joined(id, of)]));
}
