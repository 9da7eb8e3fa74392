// Ctrl-C under npm arrives twice at once: from the terminal, and passed on by npm.
const ONE_SIGNAL_MS = 500;

/** Undoes what a start has done, last first, on a signal or a failure; a second signal ends the process at once. */
export class Shutdown {
  private readonly steps: (() => Promise<unknown>)[] = [];
  private running: Promise<void> | undefined;
  private signalled = 0;

  constructor(private readonly log: (line: string) => void) {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => this.onSignal());
  }

  /** True from the first signal or failure on: what then fails in a start that still runs is a consequence. */
  get begun(): boolean {
    return this.running !== undefined;
  }

  add(step: () => Promise<unknown>): void {
    this.steps.push(step);
  }

  /** Runs every step, each at most ten seconds and whatever became of the others, and ends the process. */
  async exit(code: number): Promise<never> {
    this.running ??= this.run();
    await this.running;
    process.exit(code);
  }

  private onSignal(): void {
    if (this.begun && performance.now() - this.signalled < ONE_SIGNAL_MS) return;
    if (this.begun) process.exit(130);
    this.signalled = performance.now();
    this.log('stopping');
    void this.exit(0);
  }

  private async run(): Promise<void> {
    for (let step = this.steps.pop(); step !== undefined; step = this.steps.pop()) {
      try {
        await withinTenSeconds(step());
      } catch (error) {
        this.log(`could not stop in order: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }
}

async function withinTenSeconds(work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('a part of the product did not stop within ten seconds')), 10_000);
  });
  try {
    await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}
