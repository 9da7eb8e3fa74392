import ipaddr from 'ipaddr.js';

/** Where an address leads: `global` may be reached, `loopback` only when the client allows it, `special` never. */
export type AddressKind = 'global' | 'loopback' | 'special';

// All that has been given out as global unicast lies in 2000::/3. Denying the rest by default covers unique-local,
// link-local, site-local, NAT64 (64:ff9b::/96, 64:ff9b:1::/48), IPv4-mapped, IPv4-translated, discard and segment routing.
const globalUnicast6 = ipaddr.parseCIDR('2000::/3') as [ipaddr.IPv6, number];

// Inside 2000::/3 but not global unicast; not left to the library's table alone, which grows with its versions.
const special6 = ['2001::/23', '2001:db8::/32', '2002::/16', '2620:4f:8000::/48', '3fff::/20'].map(
  (range) => ipaddr.parseCIDR(range) as [ipaddr.IPv6, number],
);

/**
 * Classifies an IP address in the textual form that a resolver or the URL parser gives (RFC 6890, CIMD-13).
 * Deny by default: only what is known to be global unicast is `global`.
 */
export function addressKind(address: string): AddressKind {
  // A zone id ("%eth0") belongs to link-local addresses.
  if (address.includes('%') || !ipaddr.isValid(address)) return 'special';
  const parsed = ipaddr.parse(address);
  const range = parsed.range();
  if (range === 'loopback') return 'loopback';
  if (range !== 'unicast') return 'special';
  if (parsed instanceof ipaddr.IPv6) {
    if (!parsed.match(globalUnicast6)) return 'special';
    if (special6.some((special) => parsed.match(special))) return 'special';
  }
  return 'global';
}
