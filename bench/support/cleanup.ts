type Step = () => Promise<unknown> | undefined;

/** What must be undone whatever ends the run: last first, on its end, its failure and on Ctrl-C. */
export class Cleanup {
  readonly #steps: Step[] = [];

  /** With `onSignal` false it is run by the cleanup that it was added to. */
  constructor({ onSignal = true } = {}) {
    if (!onSignal) return;
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => void this.run().then(() => process.exit(130)));
  }

  add(step: Step): void {
    this.#steps.push(step);
  }

  async run(): Promise<void> {
    for (let step = this.#steps.pop(); step; step = this.#steps.pop()) {
      await Promise.resolve(step()).catch((error: unknown) => console.error(`could not clean up: ${String(error)}`));
    }
  }
}
