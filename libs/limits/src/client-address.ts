import ipaddr from 'ipaddr.js';

/** What one customer of a network usually holds: an IPv4 address, or an IPv6 /64. Text that is no address stays as it is. */
export function addressKey(address: string): string {
  return networkOf(address, 32, 64);
}

/** The neighbourhood of an address, IPv4 /24 or IPv6 /48: what somebody who rents addresses gets many of at once. */
export function networkKey(address: string): string {
  return networkOf(address, 24, 48);
}

function networkOf(address: string, bits4: number, bits6: number): string {
  if (!ipaddr.isValid(address)) return address;
  // IPv4 within IPv6 (::ffff:192.0.2.1) is IPv4: a dual-stack socket reports it so.
  const parsed = ipaddr.process(address);
  const bits = parsed.kind() === 'ipv4' ? bits4 : bits6;
  const bytes = parsed.toByteArray().map((byte, index) => byte & maskOf(bits - index * 8));
  return `${ipaddr.fromByteArray(bytes).toString()}/${bits}`;
}

function maskOf(bits: number): number {
  if (bits >= 8) return 0xff;
  return bits <= 0 ? 0 : (0xff << (8 - bits)) & 0xff;
}
