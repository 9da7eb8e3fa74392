import { Agent } from 'node:http';
import fc from 'fast-check';
import type { RunningProduct } from '../support/product.ts';
import { faultsOf } from './judge.ts';
import { requestsOf } from './requests.ts';
import { send } from './send.ts';
import { makeWorld } from './world.ts';

/** A tenant wears off: its tokens are revoked and its policies changed by what is sent to it. */
const PER_WORLD = 2_500;
const AT_ONCE = 5;
const MOST_FAULTS = 30;

export interface FuzzResult {
  readonly requests: number;
  /** How often each status was answered. */
  readonly statuses: Readonly<Record<number, number>>;
  /** Answers that were wrong, with the requests that brought them. */
  readonly faults: ReadonlyArray<{ readonly what: string; readonly request: string; readonly answer: string }>;
}

/** Sends `requests` made from `seed` to every endpoint; the same seed on the same product makes the same requests. */
export async function fuzz(
  product: RunningProduct,
  options: { requests: number; seed: number; onWorld?: (sent: number) => void },
): Promise<FuzzResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  const statuses: Record<number, number> = {};
  const faults = new Map<string, FuzzResult['faults'][number]>();
  let sent = 0;
  try {
    for (let part = 0; sent < options.requests; part++) {
      const world = await makeWorld(product, `fuzz-${part}`);
      const batches = Math.ceil(Math.min(PER_WORLD, options.requests - sent) / AT_ONCE);
      await fc.assert(
        fc.asyncProperty(fc.array(requestsOf(world), { minLength: AT_ONCE, maxLength: AT_ONCE }), async (requests) => {
          const answers = await Promise.all(
            requests.map((request) => send(product.summary.authUrl, agent, request).catch(isEarlyEnd)),
          );
          for (const [index, answer] of answers.entries()) {
            sent++;
            statuses[answer?.status ?? 0] = (statuses[answer?.status ?? 0] ?? 0) + 1;
            const request = requests[index]!;
            for (const what of answer ? faultsOf(world, request, answer) : []) {
              // One example of each is enough to find it.
              const key = `${what} ${request.method} ${request.target.split('?', 1)[0]!.slice(0, 80)}`;
              if (faults.size < MOST_FAULTS && !faults.has(key))
                faults.set(key, {
                  what,
                  request: JSON.stringify(request).slice(0, 2_000),
                  answer: answer!.body.slice(0, 300),
                });
            }
          }
        }),
        { numRuns: batches, seed: options.seed + part, endOnFailure: true },
      );
      options.onWorld?.(sent);
    }
  } finally {
    agent.destroy();
  }
  return { requests: sent, statuses, faults: [...faults.values()] };
}

/** The server may close while a body that it will not read is still being sent. */
function isEarlyEnd(error: unknown): undefined {
  if (['EPIPE', 'ECONNRESET'].includes((error as { code?: string }).code ?? '')) return undefined;
  throw error;
}
