import { OutboundError } from '@grantkeeper/outbound';
import { DeliveryRefused, failureReason, LedgerGap } from './failure-reason.ts';
import { standardRetries } from './retry-policy.ts';

describe('standardRetries', () => {
  test('waits longer each time, up to ten minutes', () => {
    const delays = Array.from({ length: 9 }, (_, index) => standardRetries.delayMs(index + 1));
    for (const [index, delay] of delays.entries()) {
      const expected = Math.min(1_000 * 3 ** index, 600_000);
      expect(delay).toBeGreaterThanOrEqual(expected * 0.9);
      expect(delay).toBeLessThanOrEqual(expected * 1.1);
    }
  });
});

describe('failureReason', () => {
  test.each([
    [new OutboundError('address_refused'), 'outbound.address_refused'],
    [new DeliveryRefused(503), 'http.503'],
    [new LedgerGap(4, 5), 'ledger.gap'],
    [Object.assign(new Error('Key (email)=(ann@example.org)'), { code: '23505' }), 'sql.23505'],
    [new TypeError('bad https://user:secret@host/'), 'TypeError'],
    ['https://user:secret@host/', 'string'],
    [null, 'object'],
  ])('says %p without its text', (error, reason) => {
    expect(failureReason(error)).toBe(reason);
  });
});
