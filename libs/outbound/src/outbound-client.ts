import { isIP } from 'node:net';
import { Client, type Dispatcher } from 'undici';
import { addressKind } from './address-policy.ts';
import { OutboundError, type OutboundReason } from './outbound-error.ts';
import { resolveByDns, resolveBySystem, type ResolvedAddress } from './resolve.ts';
import { readTarget, type Target } from './target.ts';

export type { ResolvedAddress } from './resolve.ts';

export interface OutboundClientOptions {
  /** Lets requests reach 127.0.0.0/8 and ::1, there also over plain http. For development and tests only. */
  readonly allowLoopback: boolean;
  readonly userAgent: string;
  /** All addresses of a host name; by DNS unless given, or as the system has it where loopback is allowed. Called once per request. */
  readonly resolve?: (host: string) => Promise<readonly ResolvedAddress[]>;
}

export interface OutboundRequest {
  readonly url: string | URL;
  readonly method?: 'GET' | 'POST' | 'HEAD' | 'PUT' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** For everything together: resolving, connecting, sending and reading the last byte. */
  readonly timeoutMs?: number;
  /** Bytes of the response body that are read at most, whatever the server announces (CIMD-16). */
  readonly maxBytes?: number;
  /** Takes the status and headers and reads no body at all, for receivers whose words do not matter. */
  readonly discardBody?: boolean;
  /** Reads so many bytes at most and leaves the rest, for receivers whose first words are enough; in place of `maxBytes`. */
  readonly excerptBytes?: number;
}

export interface OutboundResponse {
  readonly status: number;
  /** Names in lower case; repeated fields joined by a comma. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Names that are this machine's, whatever a resolver says (RFC 6761 §6.3). */
const LOCAL = /(^|\.)localhost\.?$/;

const DEFAULT_TIMEOUT_MS = 5_000;
const DEFAULT_MAX_BYTES = 64 * 1024;

/**
 * The only way out: HTTP requests to addresses that a stranger chose (CIMD-13..16).
 *
 * A host is resolved once; if any of its addresses is not global unicast the request is refused, else the connection
 * goes to exactly those addresses, so a second DNS answer cannot redirect it. Redirects are refused, not followed.
 * Every failure is an `OutboundError`; any status other than a redirect is an answer. Certificates are checked as Node
 * does, `NODE_EXTRA_CA_CERTS` included.
 */
export class OutboundClient {
  readonly #options: OutboundClientOptions;

  constructor(options: OutboundClientOptions) {
    this.#options = options;
  }

  async request(request: OutboundRequest): Promise<OutboundResponse> {
    const target = readTarget(request.url, this.#options.allowLoopback);
    const headers = this.#headers(request.headers);
    const timeout = new AbortController();
    const timer = setTimeout(() => timeout.abort(), request.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    try {
      return await Promise.race([this.#send(target, request, headers, timeout.signal), aborted(timeout.signal)]);
    } catch (error) {
      if (timeout.signal.aborted) throw new OutboundError('timeout', { cause: error });
      throw error instanceof OutboundError ? error : new OutboundError(reasonOf(error), { cause: error });
    } finally {
      clearTimeout(timer);
      // Ends a look-up's or a connection's aftermath when the race was lost.
      timeout.abort();
    }
  }

  /**
   * Why no request to this URL can ever be made, as far as the URL itself tells; undefined when it may be possible, which a
   * name decides with what it resolves to at each request.
   */
  refusalOf(url: string | URL): OutboundReason | undefined {
    try {
      const target = readTarget(url, this.#options.allowLoopback);
      if (target.isAddress) this.#judge(target, [target.host]);
      else if (LOCAL.test(target.host)) this.#judge(target, ['127.0.0.1']);
      return undefined;
    } catch (error) {
      if (error instanceof OutboundError) return error.reason;
      throw error;
    }
  }

  async #send(
    target: Target,
    request: OutboundRequest,
    headers: Record<string, string>,
    signal: AbortSignal,
  ): Promise<OutboundResponse> {
    const addresses = await this.#addresses(target);
    signal.throwIfAborted();
    // One connection per request: a kept-alive one would outlive the check of its address.
    const client = new Client(target.url.origin, {
      connect: { lookup: pinned(addresses), timeout: 0 },
      allowH2: false,
      pipelining: 1,
      maxHeaderSize: 16 * 1024,
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    try {
      const response = await client.request({
        path: target.url.pathname + target.url.search,
        method: request.method ?? 'GET',
        headers,
        body: request.body ?? null,
        signal,
      });
      return await readResponse(response, request);
    } finally {
      client.destroy().catch(() => undefined);
    }
  }

  async #addresses(target: Target): Promise<readonly ResolvedAddress[]> {
    const addresses = target.isAddress
      ? [{ address: target.host, family: isIP(target.host) }]
      : await this.#resolve(target.host);
    this.#judge(
      target,
      addresses.map(({ address }) => address),
    );
    return addresses;
  }

  #judge(target: Target, addresses: readonly string[]): void {
    const kinds = addresses.map(addressKind);
    const onlyLoopback = kinds.every((kind) => kind === 'loopback');
    // All of one kind: a name that also points inside is treated as one that points inside.
    if (!kinds.every((kind) => kind === 'global') && !(onlyLoopback && this.#options.allowLoopback)) {
      throw new OutboundError('address_refused');
    }
    if (target.url.protocol === 'http:' && !onlyLoopback) throw new OutboundError('scheme_refused');
  }

  get #resolver(): (host: string) => Promise<readonly ResolvedAddress[]> {
    const { resolve, allowLoopback } = this.#options;
    return resolve ?? (allowLoopback ? resolveBySystem : (host) => resolveByDns(host));
  }

  async #resolve(host: string): Promise<readonly ResolvedAddress[]> {
    let addresses: readonly ResolvedAddress[];
    try {
      addresses = await this.#resolver(host);
    } catch (cause) {
      throw new OutboundError('unresolvable', { cause });
    }
    if (addresses.length === 0) throw new OutboundError('unresolvable');
    return addresses;
  }

  #headers(given: Readonly<Record<string, string>> = {}): Record<string, string> {
    const headers: Record<string, string> = {
      'user-agent': this.#options.userAgent,
      // Compressed bodies are refused below: a small one can unpack to any size.
      'accept-encoding': 'identity',
      connection: 'close',
    };
    for (const [name, value] of Object.entries(given)) {
      const lower = name.toLowerCase();
      if (lower === 'host' || lower === 'content-length' || lower === 'transfer-encoding' || lower in headers) {
        throw new TypeError(`The outbound client sets ${lower} itself.`);
      }
      headers[lower] = value;
    }
    return headers;
  }
}

/** A `lookup` for the socket that answers with the checked addresses, whatever it is asked. */
function pinned(addresses: readonly ResolvedAddress[]) {
  return (
    _host: string,
    options: { all?: boolean | undefined },
    callback: (error: null, address: string | ResolvedAddress[], family?: number) => void,
  ): void => {
    const [first] = addresses;
    if (options.all || !first) callback(null, [...addresses]);
    else callback(null, first.address, first.family);
  };
}

async function readResponse(response: Dispatcher.ResponseData, request: OutboundRequest): Promise<OutboundResponse> {
  const { statusCode, body } = response;
  const headers = flatten(response.headers);
  // Destroying a body that nobody reads raises an error of its own.
  body.on('error', () => undefined);
  if ([301, 302, 303, 307, 308].includes(statusCode)) throw new OutboundError('redirect_refused');
  if (request.discardBody) return { status: statusCode, headers, body: Buffer.alloc(0) };
  if (!['', 'identity'].includes(headers['content-encoding']?.trim().toLowerCase() ?? '')) {
    throw new OutboundError('encoding_refused');
  }
  const { excerptBytes, maxBytes = DEFAULT_MAX_BYTES } = request;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.byteLength;
    chunks.push(chunk);
    if (excerptBytes !== undefined && size >= excerptBytes) break;
    if (excerptBytes === undefined && size > maxBytes) throw new OutboundError('too_large');
  }
  return { status: statusCode, headers, body: Buffer.concat(chunks).subarray(0, excerptBytes) };
}

function flatten(headers: Dispatcher.ResponseData['headers']): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : value;
  }
  return flat;
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new OutboundError('timeout')), { once: true });
  });
}

const responseCodes = new Set(['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'UND_ERR_RESPONSE']);

function reasonOf(error: unknown): OutboundError['reason'] {
  const { code: given, name } = error as { code?: unknown; name?: unknown };
  const code = typeof given === 'string' ? given : '';
  if (code === 'UND_ERR_HEADERS_OVERFLOW') return 'too_large';
  if (name === 'HTTPParserError' || responseCodes.has(code)) return 'invalid_response';
  if (/^(ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_OSSL)/.test(code) || code.includes('CERT')) {
    return 'tls_failed';
  }
  return 'connection_failed';
}
