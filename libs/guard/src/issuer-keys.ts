import { importJWK, type JWK } from 'jose';
import { ACCESS_TOKEN_ALGORITHMS, type KeyHint, type VerificationKey } from './access-token-verifier.ts';
import { Outage } from './outage.ts';

export interface IssuerKeysOptions {
  /** `jwks_uri` of the issuer, once it is known. */
  readonly url: () => Promise<string>;
  readonly fetch: typeof fetch;
  readonly timeoutMs: number;
  /** Told when keys could not be read anew. Those that are there go on. */
  readonly onTrouble?: (trouble: unknown) => void;
  /** Told when they could be read after they could not, with the milliseconds since. */
  readonly onRecovery?: (afterMs: number) => void;
}

interface KnownKey {
  readonly alg: string;
  readonly jwk: string;
  readonly key: VerificationKey;
}

/** Keys are read again after so long; a key that was revoked is told by the feed long before. */
const FRESH_MS = 60_000;
/** Anyone can make up key names, so they cause a request only so often. */
const LOOK_AGAIN_MS = 1_000;

/**
 * The issuer's public keys. While a key is the same, so is its object: what it has verified stays verified. An issuer that
 * cannot be asked takes away nothing that is known.
 */
export class IssuerKeys {
  readonly #options: IssuerKeysOptions;
  #keys: ReadonlyMap<string, KnownKey> = new Map();
  #readAt = Number.NEGATIVE_INFINITY;
  #triedAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;
  readonly #outage: Outage<'keys'>;

  constructor(options: IssuerKeysOptions) {
    this.#options = options;
    this.#outage = new Outage((afterMs) => options.onRecovery?.(afterMs));
  }

  /** Names of the keys that would be accepted. */
  get ids(): readonly string[] {
    return [...this.#keys.keys()];
  }

  /** The key for that algorithm, or undefined when there is none. Rejects when there may be one and nobody can tell. */
  find(hint: KeyHint): VerificationKey | undefined | Promise<VerificationKey | undefined> {
    const known = this.#known(hint);
    if (known === undefined) return this.#look(hint);
    if (performance.now() - this.#readAt > FRESH_MS) void this.#readAgain();
    return known;
  }

  /** Reads them now. Rejects when there is no answer. */
  async read(): Promise<void> {
    this.#reading ??= this.#read()
      .then(
        () => this.#outage.end('keys'),
        (error: unknown) => {
          this.#outage.begin('keys');
          throw error;
        },
      )
      .finally(() => (this.#reading = undefined));
    return this.#reading;
  }

  async #look(hint: KeyHint): Promise<VerificationKey | undefined> {
    const now = performance.now();
    if (now - this.#triedAt >= LOOK_AGAIN_MS || this.#reading) await this.read();
    else if (this.#readAt < this.#triedAt) throw new Error('The keys of the issuer cannot be read.');
    return this.#known(hint);
  }

  #known({ kid, alg }: KeyHint): VerificationKey | undefined {
    const known = this.#keys.get(kid);
    return known?.alg === alg ? known.key : undefined;
  }

  async #readAgain(): Promise<void> {
    if (performance.now() - this.#triedAt < LOOK_AGAIN_MS) return;
    await this.read().catch((error: unknown) => this.#options.onTrouble?.(error));
  }

  async #read(): Promise<void> {
    const { url, fetch: fetchIt, timeoutMs } = this.#options;
    this.#triedAt = performance.now();
    const response = await fetchIt(await url(), { redirect: 'error', signal: AbortSignal.timeout(timeoutMs) });
    if (!response.ok) {
      await response.body?.cancel();
      throw new Error(`The keys of the issuer: ${response.status}.`);
    }
    const { keys } = (await response.json()) as { keys?: unknown };
    if (!Array.isArray(keys)) throw new Error('The keys of the issuer are no JSON Web Key Set.');
    const read = await Promise.all((keys as JWK[]).map((jwk) => this.#import(jwk)));
    this.#keys = new Map(read.filter((key) => key !== undefined));
    this.#readAt = performance.now();
    this.#triedAt = this.#readAt;
  }

  async #import(jwk: JWK): Promise<[string, KnownKey] | undefined> {
    const alg = ACCESS_TOKEN_ALGORITHMS.find((name) => name === jwk.alg);
    // A key of another kind is not ours to judge; a secret one does not belong here at all (RFC 7517 §9.3).
    if (!alg || !jwk.kid || (jwk.use !== undefined && jwk.use !== 'sig')) return undefined;
    const text = JSON.stringify(jwk);
    const before = this.#keys.get(jwk.kid);
    if (before?.jwk === text) return [jwk.kid, before];
    const key = await importJWK(jwk, alg);
    return key instanceof Uint8Array ? undefined : [jwk.kid, { alg, jwk: text, key }];
  }
}
