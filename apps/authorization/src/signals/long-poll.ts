import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Polled } from '@grantkeeper/deliveries';

/** How long a poll waits for something to come (RFC 8936 §2.4), below what proxies allow. */
const WAIT_MS = 20_000;
const LOOK_EVERY_MS = 500;

/** Asks again until there is something, the caller has gone, or it has waited long enough. */
export async function pollUntil(request: IncomingMessage, first: Polled, ask: () => Promise<Polled>): Promise<Polled> {
  const deadline = performance.now() + WAIT_MS;
  let last = first;
  while (Object.keys(last.sets).length === 0 && performance.now() < deadline && !request.socket.destroyed) {
    await sleep(LOOK_EVERY_MS, undefined, { ref: false });
    last = await ask();
  }
  return last;
}
