import { delayMs, LONGEST_WAIT_MS, retryAfterMs } from './delivery-retries.ts';

describe('waits between attempts', () => {
  test('grow from a second to an hour, spread by a fifth', () => {
    for (const [failures, ms] of [
      [1, 1_000],
      [2, 3_000],
      [8, 2_187_000],
      [9, 3_600_000],
      [30, 3_600_000],
    ] as const) {
      const waits = Array.from({ length: 200 }, () => delayMs(failures));
      expect(Math.min(...waits)).toBeGreaterThanOrEqual(0.9 * ms);
      expect(Math.max(...waits)).toBeLessThanOrEqual(1.1 * ms);
    }
  });

  const now = new Date('2026-01-02T03:04:05Z');
  test.each([
    [undefined, undefined],
    ['120', 120_000],
    [' 7 ', 7_000],
    ['0', undefined],
    ['-3', undefined],
    ['soon', undefined],
    ['99999999', LONGEST_WAIT_MS],
    ['Fri, 02 Jan 2026 03:05:05 GMT', 60_000],
    ['Fri, 02 Jan 2026 03:00:00 GMT', undefined],
  ])('a Retry-After of %s asks for %s ms', (value, expected) => {
    expect(retryAfterMs(value, now)).toBe(expected);
  });
});
