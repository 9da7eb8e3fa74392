import { randomUUID } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { allowAllOrigins, FallbackFilter, NoNulPipe, type NotFoundPage } from '@grantkeeper/http';
import type { LoggerService, Type } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import type { TenantHosts } from './tenant-hosts.ts';

const CLOSE_WITHIN_MS = 5_000;
const REQUEST_MS = 30_000;
const KEEP_ALIVE_MS = 72_000;

export interface HttpApplicationOptions {
  readonly trustProxy: false | number | readonly string[];
  readonly logger: LoggerService | false;
  /** Paths that web pages of any origin may call. */
  readonly openPaths?: RegExp;
  /** What a person sees at an address that is not; else it is what a program sees. */
  readonly notFoundPage?: NotFoundPage;
  /** Finds tenants by hosts of their own. */
  readonly hosts?: TenantHosts;
}

/** A Nest application on Fastify with the limits and manners that every service shares. Not yet listening. */
export async function createHttpApplication(
  module: Type | DynamicModule,
  options: HttpApplicationOptions,
): Promise<NestFastifyApplication> {
  const { hosts } = options;
  const timeouts = { keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: REQUEST_MS };
  const adapter = new FastifyAdapter({
    ...(hosts && { serverFactory: (handler: RequestListener) => hosts.serverFor(handler, timeouts) }),
    trustProxy: trustedProxies(options.trustProxy),
    bodyLimit: 1_048_576,
    // For all of a request; Fastify's default of none would undo Node's own.
    requestTimeout: REQUEST_MS,
    routerOptions: { maxParamLength: 500 },
    // Longer than the keep-alive of usual proxies, so that it is never us who closes a connection in use.
    keepAliveTimeout: KEEP_ALIVE_MS,
    genReqId: () => randomUUID(),
    logger: false,
  });
  if (options.openPaths) allowAllOrigins(adapter.getInstance() as never, options.openPaths);
  closeGently(adapter.getInstance());
  takeNoBodyForNone(adapter.getInstance());
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    logger: options.logger,
    abortOnError: false,
  });
  app.useGlobalFilters(new FallbackFilter(options.notFoundPage));
  app.useGlobalPipes(new NoNulPipe());
  return app;
}

/** What is being answered when the server closes is answered to its end, within limits; streams are cut at the limit. */
function closeGently(instance: FastifyInstance): void {
  instance.addHook('preClose', (done) => {
    const { server } = instance;
    // A connection that was busy when the server closed would live on until its keep-alive ends.
    const sweep = setInterval(() => server.closeIdleConnections(), 50);
    const limit = setTimeout(() => server.closeAllConnections(), CLOSE_WITHIN_MS);
    server.once('close', () => {
      clearInterval(sweep);
      clearTimeout(limit);
    });
    done();
  });
}

/** Clients that say `application/json` in every request send it without a body, too, where a body is optional. */
function takeNoBodyForNone(instance: FastifyInstance): void {
  instance.addHook('onRequest', (request, _reply, done) => {
    const { headers } = request.raw;
    const none = headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0;
    if (none && /^application\/json\b/i.test(headers['content-type'] ?? '')) delete headers['content-type'];
    done();
  });
}

/** Fastify's form of the setting: nobody, the last `n` hops, or these networks. */
function trustedProxies(
  setting: HttpApplicationOptions['trustProxy'],
): boolean | string[] | ((address: string, hop: number) => boolean) {
  if (typeof setting === 'number') return (_address, hop) => hop < setting;
  return setting === false ? false : [...setting];
}
