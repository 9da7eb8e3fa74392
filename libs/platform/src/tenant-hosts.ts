import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { TenantDirectory } from '@grantkeeper/event-store';
import { isServedByPath, NOWHERE, pathAtTenantHost, tenantInPath } from './tenant-location.ts';

/**
 * Lets tenants have hosts of their own. `Host` is a key to look up among stored ones and nothing else (MT-07): every
 * identifier that an answer holds comes from the tenant's rows. Forwarded headers are not read.
 */
export class TenantHosts {
  readonly #own: ReadonlySet<string>;

  /** `origins` are the deployment's own, which no tenant can have. */
  constructor(
    private readonly directory: TenantDirectory,
    origins: readonly string[],
  ) {
    this.#own = new Set(origins.map((origin) => new URL(origin).hostname));
  }

  /** An HTTP server that gives `handler` each request under the path by which the services know it. */
  serverFor(handler: RequestListener, timeouts: { keepAliveTimeout: number; requestTimeout: number }): Server {
    return createServer(timeouts, (request, response) => void this.#locate(request, response, handler));
  }

  async #locate(request: IncomingMessage, response: ServerResponse, handler: RequestListener): Promise<void> {
    try {
      const url = request.url ?? '/';
      const at = url.indexOf('?');
      const path = at === -1 ? url : url.slice(0, at);
      const located = await this.#pathFor(request.headers.host, path);
      if (located !== path) request.url = at === -1 ? located : `${located}${url.slice(at)}`;
    } catch {
      // The directory is out of reach: said here, since nothing behind this can know where the request belongs.
      response.writeHead(503, { 'content-type': 'application/json', 'cache-control': 'no-store', 'retry-after': '2' });
      response.end('{"error":"temporarily_unavailable"}');
      return;
    }
    handler(request, response);
  }

  async #pathFor(hostHeader: string | undefined, path: string): Promise<string> {
    const host = (hostHeader ?? '').toLowerCase().replace(/:443$/, '');
    if (host !== '' && !this.#own.has(host.replace(/:\d+$/, ''))) {
      const owner = await this.directory.ownerOf(host);
      if (owner) return pathAtTenantHost(path, owner);
    }
    const named = tenantInPath(path);
    const entry = named && (await this.directory.entryOf(named.slug));
    return entry && !isServedByPath(entry, named.ofResource) ? NOWHERE : path;
  }
}
