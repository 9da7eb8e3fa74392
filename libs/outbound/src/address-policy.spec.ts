import { addressKind } from './address-policy.ts';

describe('addressKind', () => {
  test.each([
    ['1.1.1.1', 'Cloudflare'],
    ['93.184.216.34', 'example.com of old'],
    ['172.15.255.255', 'just below 172.16/12'],
    ['100.128.0.0', 'just above CGNAT'],
    ['2606:4700:4700::1111', 'Cloudflare'],
    ['2a00:1450:4001:81b::200e', 'Google'],
    ['2001:200::1', 'first global block after 2001::/23'],
  ])('lets %s be reached (%s)', (address) => {
    expect(addressKind(address)).toBe('global');
  });

  test.each(['127.0.0.1', '127.255.255.254', '::1'])('knows %s as loopback', (address) => {
    expect(addressKind(address)).toBe('loopback');
  });

  test.each([
    ['0.0.0.0', 'this host'],
    ['0.1.2.3', '0.0.0.0/8'],
    ['10.0.0.1', 'private'],
    ['172.16.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['192.168.1.1', 'private'],
    ['100.64.0.1', 'CGNAT'],
    ['169.254.169.254', 'link-local, cloud metadata'],
    ['192.0.0.1', 'protocol assignments'],
    ['192.0.2.1', 'documentation'],
    ['198.51.100.1', 'documentation'],
    ['203.0.113.1', 'documentation'],
    ['192.88.99.1', '6to4 relay'],
    ['198.18.0.1', 'benchmarking'],
    ['198.19.255.255', 'benchmarking'],
    ['224.0.0.1', 'multicast'],
    ['239.255.255.255', 'multicast'],
    ['240.0.0.1', 'reserved'],
    ['255.255.255.255', 'broadcast'],
    ['::', 'unspecified'],
    ['::127.0.0.1', 'IPv4-compatible'],
    ['::ffff:127.0.0.1', 'IPv4-mapped loopback'],
    ['::ffff:7f00:1', 'IPv4-mapped loopback, as the URL parser writes it'],
    ['::ffff:1.1.1.1', 'IPv4-mapped, whatever it maps'],
    ['::ffff:0:1.1.1.1', 'IPv4-translated'],
    ['64:ff9b::a00:1', 'NAT64'],
    ['64:ff9b:1::1', 'NAT64, local use'],
    ['100::1', 'discard'],
    ['2001::1', 'Teredo'],
    ['2001:2::1', 'benchmarking'],
    ['2001:10::1', 'ORCHID'],
    ['2001:20::1', 'ORCHIDv2'],
    ['2001:1ff:ffff::1', 'end of 2001::/23'],
    ['2001:db8::1', 'documentation'],
    ['3fff::1', 'documentation'],
    ['2002:7f00:1::1', '6to4'],
    ['2620:4f:8000::1', 'AS112'],
    ['5f00::1', 'segment routing'],
    ['fc00::1', 'unique-local'],
    ['fd12:3456::1', 'unique-local'],
    ['fe80::1', 'link-local'],
    ['fe80::1%eth0', 'link-local with a zone'],
    ['fec0::1', 'site-local'],
    ['ff02::1', 'multicast'],
    ['4000::1', 'not given out'],
    ['example.com', 'not an address'],
    ['', 'nothing'],
  ])('never reaches %s (%s)', (address) => {
    expect(addressKind(address)).toBe('special');
  });
});
