/** How often an event is tried again and how long the waits between are. */
export interface RetryPolicy {
  /** After so many failures the event is parked and the next one has its turn. */
  readonly maxAttempts: number;
  /** Milliseconds to wait after the given number of failures (from 1). */
  delayMs(failures: number): number;
}

const FIRST_MS = 1_000;
const FACTOR = 3;
const LONGEST_MS = 10 * 60_000;

/** 1 s, 3 s, 9 s … 10 min, spread by a fifth so that receivers that were down are not met by all tenants at once. */
export const standardRetries: RetryPolicy = {
  maxAttempts: 10,
  delayMs: (failures) => Math.min(FIRST_MS * FACTOR ** (failures - 1), LONGEST_MS) * (0.9 + Math.random() * 0.2),
};
