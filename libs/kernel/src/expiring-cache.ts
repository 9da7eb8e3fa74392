interface Entry<Value> {
  readonly value: Promise<Value>;
  readonly until: number;
}

/**
 * Values that may be used for `ttlMs` from the moment their load *began*, at most `max` of them. One load at a time per
 * key; a failed load is forgotten, so that nothing older is served in its place.
 */
export class ExpiringCache<Value> {
  readonly #entries = new Map<string, Entry<Value>>();
  readonly #ttlMs: number;
  readonly #max: number;
  readonly #now: () => number;

  constructor({ ttlMs, max, now = () => performance.now() }: { ttlMs: number; max: number; now?: () => number }) {
    this.#ttlMs = ttlMs;
    this.#max = max;
    this.#now = now;
  }

  get(key: string, load: () => Promise<Value>): Promise<Value> {
    const now = this.#now();
    const cached = this.#entries.get(key);
    if (cached !== undefined && cached.until > now) return cached.value;
    const entry = { value: load(), until: now + this.#ttlMs };
    // Deleted first, so that the order of the map is the order of loading and the first entry is the oldest.
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    if (this.#entries.size > this.#max) this.#entries.delete(this.#entries.keys().next().value!);
    entry.value.catch(() => {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
    });
    return entry.value;
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }
}
