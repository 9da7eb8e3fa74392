const WIDTH = 30;

/** A line that is written over, on a terminal; nothing elsewhere, so that files and pipes get results alone. */
export class ProgressBar {
  #shown = false;

  constructor(
    private readonly name: string,
    private readonly stream: NodeJS.WriteStream = process.stderr,
  ) {}

  /** `done` of `all`; an empty ledger is done. */
  show(done: number, all: number): void {
    // What is done at once needs no bar.
    if (!this.stream.isTTY || (done >= all && !this.#shown)) return;
    this.#shown = true;
    const part = all === 0 ? 1 : Math.min(1, done / all);
    const bar = '█'.repeat(Math.round(part * WIDTH)).padEnd(WIDTH, '░');
    this.stream.write(
      `\r${bar} ${String(Math.floor(part * 100)).padStart(3)} %  ${this.name}  ${count(done)} of ${count(all)}\u001b[K`,
    );
  }

  end(): void {
    if (this.#shown) this.stream.write('\r\u001b[K');
    this.#shown = false;
  }
}

/** A number as people read it. */
export function count(value: number): string {
  return value.toLocaleString('en');
}

/** `1 event`, `2 events`. */
export function counted(value: number, what: string): string {
  return `${count(value)} ${what}${value === 1 ? '' : 's'}`;
}
