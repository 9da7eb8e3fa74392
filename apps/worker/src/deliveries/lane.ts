/** Work of this process, some of it at once and each name once: a name that is waiting or running is not taken again. */
export class Lane {
  readonly #waiting = new Map<string, () => Promise<void>>();
  readonly #running = new Map<string, Promise<void>>();

  constructor(private readonly atOnce: number) {}

  /** `work` must not reject. */
  offer(name: string, work: () => Promise<void>): void {
    if (this.#waiting.has(name) || this.#running.has(name)) return;
    this.#waiting.set(name, work);
    this.#fill();
  }

  /** Forgets what waits and resolves when what runs is over. */
  async idle(): Promise<void> {
    this.#waiting.clear();
    await Promise.all(this.#running.values());
  }

  #fill(): void {
    for (const [name, work] of this.#waiting) {
      if (this.#running.size >= this.atOnce) return;
      this.#waiting.delete(name);
      const running = work().finally(() => {
        this.#running.delete(name);
        this.#fill();
      });
      this.#running.set(name, running);
    }
  }
}
