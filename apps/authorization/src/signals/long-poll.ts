import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { Polled } from '@grantkeeper/deliveries';

/** How long a poll waits for something to come (RFC 8936 §2.4), below what proxies allow. */
const WAIT_MS = 20_000;
const LOOK_EVERY_MS = 500;

/** Polls that wait: one for each stream, so that a receiver cannot have us look for it any number of times at once. */
@Injectable()
export class LongPolls {
  readonly #newest = new Map<string, object>();

  /** Asks again until there is something, the caller has gone or polls anew, or it has waited long enough. */
  async until(streamId: string, request: IncomingMessage, first: Polled, ask: () => Promise<Polled>): Promise<Polled> {
    const own = {};
    this.#newest.set(streamId, own);
    const deadline = performance.now() + WAIT_MS;
    let last = first;
    try {
      while (
        Object.keys(last.sets).length === 0 &&
        performance.now() < deadline &&
        !request.socket.destroyed &&
        this.#newest.get(streamId) === own
      ) {
        await sleep(LOOK_EVERY_MS, undefined, { ref: false });
        last = await ask();
      }
      return last;
    } finally {
      if (this.#newest.get(streamId) === own) this.#newest.delete(streamId);
    }
  }
}
