import { Redis } from 'ioredis';

/** After a failure Redis is left alone for so long: a server that hangs must not slow down every login. */
const PAUSE_MS = 1_000;

/** The connection to where the copies count together. Whatever goes wrong there is an answer of nothing, soon. */
export class LimitsRedis {
  readonly client: Redis;
  readonly #report: (error: Error, where: string) => void;
  #pausedUntil = 0;
  #failing = false;

  constructor(url: string, report: (error: Error, where: string) => void) {
    this.#report = report;
    this.client = new Redis(url, {
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      connectTimeout: 1_000,
      commandTimeout: 250,
      retryStrategy: (times) => Math.min(times * 100, 2_000),
    });
    this.client.on('error', (error) => this.#failed(error));
  }

  /** What `work` answers, or undefined when Redis could not be asked. */
  async attempt<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
    if (performance.now() < this.#pausedUntil) return undefined;
    try {
      const result = await work();
      this.#failing = false;
      return result;
    } catch (error) {
      this.#pausedUntil = performance.now() + PAUSE_MS;
      this.#failed(error instanceof Error ? error : new Error(String(error)));
      return undefined;
    }
  }

  close(): void {
    this.client.disconnect();
  }

  // Once per outage: it is the same news for every request.
  #failed(error: Error): void {
    if (this.#failing) return;
    this.#failing = true;
    this.#report(error, 'redis of the rate limits; each process counts alone until it is back');
  }
}
