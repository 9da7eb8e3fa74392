/** How often an event is tried again and how long the waits between are. */
export interface RetryPolicy {
  /** After so many failures the event is parked, or, where the consumer blocks, an alarm is raised. */
  readonly maxAttempts: number;
  /** Milliseconds to wait after the given number of failures (from 1). */
  delayMs(failures: number): number;
}

/**
 * SQL: whether the cursor `c` may be tried now. No policy waits as long as a quarter of an hour, so a retry that is further
 * away was set before the clock went back.
 */
export const CURSOR_IS_DUE = `(c.retry_at IS NULL OR c.retry_at <= clock_timestamp()
  OR c.retry_at > clock_timestamp() + interval '15 minutes')`;

const FIRST_MS = 1_000;
const FACTOR = 3;

/** 1 s, 3 s, 9 s … 10 min, spread by a fifth so that receivers that were down are not met by all tenants at once. */
export const parkingRetries: RetryPolicy = { maxAttempts: 10, delayMs: (failures) => delay(failures, 10 * 60_000) };

/** 1 s, 3 s, 9 s … 1 min, for ever: whoever blocks is wanted back soon once the trouble is over. */
export const blockingRetries: RetryPolicy = { maxAttempts: 5, delayMs: (failures) => delay(failures, 60_000) };

function delay(failures: number, longestMs: number): number {
  return Math.min(FIRST_MS * FACTOR ** (failures - 1), longestMs) * (0.9 + Math.random() * 0.2);
}
