/** The parts of a hierarchical URI exactly as written; nothing is decoded, lower-cased or resolved. */
export interface UriParts {
  readonly scheme: string;
  readonly authority: string;
  readonly host: string;
  readonly port: string | undefined;
  readonly path: string;
  readonly query: string | undefined;
  readonly fragment: string | undefined;
}

const MAX_LENGTH = 2_048;
const URI = /^([A-Za-z][A-Za-z0-9+.-]*):(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/;
const AUTHORITY = /^(\[[0-9A-Fa-f:.]+\]|[^:@[\]]*)(?::([0-9]{1,5}))?$/;

/**
 * Splits `uri` as RFC 3986 does, without the repairs that the WHATWG parser makes (backslashes, missing slashes,
 * dropped tabs, octal IPv4): comparisons of identifiers must see what was sent. Undefined for anything but a URI of
 * printable ASCII, and for one with userinfo.
 */
export function splitUri(uri: string): UriParts | undefined {
  if (uri.length > MAX_LENGTH || !/^[\x21\x23-\x3B\x3D\x3F-\x5B\x5D\x5F\x61-\x7A\x7E]+$/.test(uri)) return undefined;
  const match = URI.exec(uri);
  const authority = match?.[2] ?? '';
  const server = AUTHORITY.exec(authority);
  if (!match || !server || !URL.canParse(uri)) return undefined;
  return {
    scheme: match[1] ?? '',
    authority,
    host: server[1] ?? '',
    port: server[2],
    path: match[3] ?? '',
    query: match[4],
    fragment: match[5],
  };
}

/**
 * True if `parts.host` is a host name or address, and a URL parser takes it as it stands: no other spelling of a host
 * can pass for it, and nothing in it (`;`, `,`, `*`) means something in a header.
 */
export function hasPlainHost(uri: string, parts: UriParts): boolean {
  return /^(?:[\w.-]+|\[[0-9A-Fa-f:.]+\])$/.test(parts.host) && new URL(uri).hostname === parts.host.toLowerCase();
}
