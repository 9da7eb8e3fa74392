import { isIP } from 'node:net';
import { OutboundError } from './outbound-error.ts';

/** A URL that may be tried, before its host is resolved. `host` is a name or an IP address without brackets. */
export interface Target {
  readonly url: URL;
  readonly host: string;
  readonly isAddress: boolean;
}

// Ports of other protocols that a request could be made to speak to (the "bad ports" of the Fetch standard, from 1024 up).
const badPorts = new Set([
  1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
]);

/**
 * Reads and judges the form of a URL: absolute, https (http only where loopback is allowed), without credentials, on the
 * scheme's own port or an unprivileged one. The WHATWG parser turns decimal, octal and hexadecimal hosts into
 * dotted IPv4, so no host escapes the address check by its spelling (CIMD-14).
 */
export function readTarget(text: string | URL, allowHttp: boolean): Target {
  let url: URL;
  try {
    url = new URL(text);
  } catch (cause) {
    throw new OutboundError('invalid_url', { cause });
  }
  if (url.protocol !== 'https:' && !(allowHttp && url.protocol === 'http:')) throw new OutboundError('scheme_refused');
  if (url.username !== '' || url.password !== '') throw new OutboundError('credentials_in_url');
  // An empty text is the scheme's own port.
  if (url.port !== '') {
    const port = Number(url.port);
    if (port < 1024 || badPorts.has(port)) throw new OutboundError('port_refused');
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (host === '') throw new OutboundError('invalid_url');
  return { url, host, isAddress: isIP(host) !== 0 };
}
