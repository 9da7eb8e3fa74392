import { lookup, Resolver } from 'node:dns/promises';

export interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

/**
 * All addresses of a host name by DNS alone, asked without a thread: a system look-up waits in one of the four threads
 * that also hash passwords and sign tokens, and strangers choose the names. Rejects when neither question is answered. `servers` are asked in place of the system's.
 */
export async function resolveByDns(host: string, servers?: readonly string[]): Promise<ResolvedAddress[]> {
  // RFC 6761 §6.3: never asked of a server, which could answer anything.
  if (/(^|\.)localhost\.?$/i.test(host)) {
    return [
      { address: '127.0.0.1', family: 4 },
      { address: '::1', family: 6 },
    ];
  }
  const resolver = new Resolver({ timeout: 1_500, tries: 2 });
  if (servers) resolver.setServers(servers);
  const [v4, v6] = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
  if (v4.status === 'rejected' && v6.status === 'rejected') throw v4.reason;
  return [
    ...(v4.status === 'fulfilled' ? v4.value : []).map((address) => ({ address, family: 4 })),
    ...(v6.status === 'fulfilled' ? v6.value : []).map((address) => ({ address, family: 6 })),
  ];
}

/** All addresses of a host name as the system finds them, its hosts file included. */
export function resolveBySystem(host: string): Promise<ResolvedAddress[]> {
  return lookup(host, { all: true, order: 'verbatim' });
}
