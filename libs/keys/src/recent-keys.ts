/** Data keys that were unwrapped lately: bounded in number and age, so that an erased key is soon forgotten everywhere. */
export class RecentKeys<Key> {
  readonly #keys = new Map<string, { key: Key; until: number }>();

  constructor(
    private readonly limits: { readonly max: number; readonly ageMs: number },
    private readonly now: () => number = () => performance.now(),
  ) {}

  get(name: string): Key | undefined {
    const entry = this.#keys.get(name);
    if (!entry) return undefined;
    if (entry.until > this.now()) return entry.key;
    this.#keys.delete(name);
    return undefined;
  }

  set(name: string, key: Key): void {
    this.#keys.delete(name);
    this.#keys.set(name, { key, until: this.now() + this.limits.ageMs });
    if (this.#keys.size > this.limits.max) this.#keys.delete(this.#keys.keys().next().value!);
  }
}
