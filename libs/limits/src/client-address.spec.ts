import { addressKey, networkKey } from './client-address.ts';

describe('what a budget of an address is kept for', () => {
  it.each([
    ['192.0.2.77', '192.0.2.77/32'],
    ['::ffff:192.0.2.77', '192.0.2.77/32'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::', '2001:db8:1:2::/64'],
    ['unix', 'unix'],
  ])('%s counts as %s', (address, key) => {
    expect(addressKey(address)).toBe(key);
  });

  it.each([
    ['192.0.2.77', '192.0.2.0/24'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1::/48'],
  ])('%s is in the neighbourhood %s', (address, key) => {
    expect(networkKey(address)).toBe(key);
  });
});
