/** Something whose parts can fail: finds out when all of them work again. */
export class Outage<Part extends string> {
  readonly #failing = new Set<Part>();
  #since = 0;

  /** `onEnd` gets the milliseconds since the first part had failed. */
  constructor(
    private readonly onEnd: (afterMs: number) => void,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** A part has failed, and somebody is told. */
  begin(part: Part): void {
    if (this.#failing.size === 0) this.#since = this.now();
    this.#failing.add(part);
  }

  /** A part works. */
  end(part: Part): void {
    if (this.#failing.delete(part) && this.#failing.size === 0) this.onEnd(Math.round(this.now() - this.#since));
  }
}
