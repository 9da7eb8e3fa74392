import { MasterSecrets } from '@grantkeeper/keys';
import { DpopNonces } from './dpop-nonce.ts';

const key = (version: number) => ({ version, key: Buffer.alloc(32, version) });
const at = (seconds: number): Date => new Date(1_800_000_000_000 + seconds * 1000);

describe('DpopNonces', () => {
  const nonces = new DpopNonces(new MasterSecrets([key(1)]));
  const nonce = nonces.current('a', at(0));

  it('accepts what it gave out for two to four minutes, at the same place, on every copy', () => {
    const copy = new DpopNonces(new MasterSecrets([key(1)]));
    for (const [by, place, seconds, expected] of [
      [nonces, 'a', 0, true],
      [copy, 'a', 119, true],
      [copy, 'a', 239, true],
      [nonces, 'a', 240, false],
      [nonces, 'b', 0, false],
      // A copy whose clock is behind.
      [copy, 'a', -120, true],
      [nonces, 'a', -121, false],
    ] as const) {
      expect(by.accepts(nonce, place, at(seconds))).toBe(expected);
    }
  });

  it('outlives a change of the master key, not the key itself', () => {
    expect(new DpopNonces(new MasterSecrets([key(2), key(1)])).accepts(nonce, 'a', at(0))).toBe(true);
    expect(new DpopNonces(new MasterSecrets([key(2)])).accepts(nonce, 'a', at(0))).toBe(false);
  });

  it.each(['', 'x', '1.', `${nonce}x`, nonce.slice(0, -1), `2.${nonce.slice(2)}`, `1.${'A'.repeat(22)}`])(
    'refuses %j',
    (junk) => {
      expect(nonces.accepts(junk, 'a', at(0))).toBe(false);
    },
  );
});
