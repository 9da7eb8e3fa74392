import { UnknownEvent } from '@grantkeeper/domain';
import { OutboundError } from '@grantkeeper/outbound';
import { DeliveryRefused, failureReason, LedgerGap } from './failure-reason.ts';
import { blockingRetries, parkingRetries } from './retry-policy.ts';

describe('retries', () => {
  test.each([
    ['parkingRetries', parkingRetries, 600_000],
    ['blockingRetries', blockingRetries, 60_000],
  ])('%s wait longer each time, up to a limit', (_name, retries, longest) => {
    // However many: a consumer that blocks counts for ever.
    for (const failures of [1, 2, 3, 4, 5, 6, 7, 8, 9, 100, 100_000]) {
      const expected = Math.min(1_000 * 3 ** (failures - 1), longest);
      const waited = retries.delayMs(failures);
      expect(waited).toBeGreaterThanOrEqual(expected * 0.9);
      expect(waited).toBeLessThanOrEqual(expected * 1.1);
    }
  });
});

describe('failureReason', () => {
  test.each([
    [new OutboundError('address_refused'), 'outbound.address_refused'],
    [new DeliveryRefused(503), 'http.503'],
    [new LedgerGap(4, 5), 'ledger.gap'],
    [new UnknownEvent('Unheard', 2), 'event.unknown'],
    [Object.assign(new Error('Key (email)=(ann@example.org)'), { code: '23505' }), 'sql.23505'],
    [new TypeError('bad https://user:secret@host/'), 'TypeError'],
    ['https://user:secret@host/', 'string'],
    [null, 'object'],
  ])('says %p without its text', (error, reason) => {
    expect(failureReason(error)).toBe(reason);
  });
});
