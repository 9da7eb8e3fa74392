import { setTimeout as sleep } from 'node:timers/promises';
import { ConcurrencyError, DomainError } from '@grantkeeper/kernel';
import type { Outcome } from './checks.ts';

const PATIENCE_MS = 120_000;

/** Sends until there is an answer, as a client does whose connection was lost: it cannot know what became of it. */
export async function untilAnswered(
  send: () => Promise<{ events: number | 'some' }>,
  again: () => void,
): Promise<Outcome> {
  const deadline = performance.now() + PATIENCE_MS;
  for (let tries = 0; ; tries += 1) {
    try {
      const { events } = await send();
      return { done: { events } };
    } catch (error) {
      if (error instanceof DomainError) return { refused: error.code };
      const lost = error instanceof ConcurrencyError || isLost(error);
      if (!lost || performance.now() > deadline) throw error;
      again();
      await sleep(2 + Math.min(tries, 20));
    }
  }
}

/**
 * Whether the connection went away, by the proxy, by an administrator's command, by a crash, or while it was being opened;
 * or a lock was not to be had in time, of a tenant whose head a vanished client held.
 */
function isLost(error: unknown): boolean {
  const { code, message } = error as { code?: string; message?: string };
  if (code !== undefined) return /^(57P0\d|55P03|57014|08\d{3}|ECONNRESET|EPIPE|ECONNREFUSED|25P02)$/.test(code);
  return /Connection terminated|Client has encountered a connection error|not queryable|timeout exceeded/.test(
    message ?? '',
  );
}
