import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { redisCommand, startRedisProcess, type TestRedis } from '../../test/support/redis.ts';
import type { Cleanup } from '../support/cleanup.ts';
import type { BenchDatabase } from '../support/database.ts';
import { inBatches } from '../support/in-batches.ts';
import { freePort } from '../support/server.ts';
import { Front } from './front.ts';
import { Service } from './service.ts';

/** More than there are revocations under way at once. */
const CLIENTS = 50;

/** Where everything is, and who may do what there. */
export interface Tenancy {
  readonly tenantId: string;
  readonly issuer: string;
  readonly resource: string;
  readonly adminKey: string;
  /** Of the enforcement points: one credential, many processes. */
  readonly credential: string;
  /** Each with a grant of its own: revocations of tokens of one grant wait for each other. */
  readonly clients: ReadonlyArray<{ readonly id: string; readonly secret: string }>;
}

/**
 * A small production: two `ledger` nodes, of which one commits revocations and the other serves the feed, one
 * `authorization` and one `worker`. Enforcement points reach it through fronts that can be cut.
 */
export class Deployment {
  readonly committing: Service;
  readonly feedFront: Front;
  readonly issuerFront: Front;
  readonly tenancy: Tenancy;
  readonly redis: TestRedis | undefined;
  readonly #services: readonly Service[];

  private constructor(
    parts: Pick<Deployment, 'committing' | 'feedFront' | 'issuerFront' | 'tenancy' | 'redis'>,
    services: readonly Service[],
  ) {
    this.committing = parts.committing;
    this.feedFront = parts.feedFront;
    this.issuerFront = parts.issuerFront;
    this.tenancy = parts.tenancy;
    this.redis = parts.redis;
    this.#services = services;
  }

  static async start(database: BenchDatabase, withRedis: boolean, cleanup: Cleanup): Promise<Deployment> {
    const command = withRedis ? await redisCommand() : null;
    const redis = command === null ? undefined : await startRedisProcess(command);
    if (redis) cleanup.add(() => redis.stop());
    const backends: { feed: Service | undefined; issuer: Service | undefined } = { feed: undefined, issuer: undefined };
    const feedFront = await Front.before(() => backends.feed?.port ?? 1);
    const issuerFront = await Front.before(() => backends.issuer?.port ?? 1);
    cleanup.add(() => feedFront.close());
    cleanup.add(() => issuerFront.close());
    const env = {
      DATABASE_URL: database.url,
      AUTH_URL: issuerFront.origin,
      MCP_URL: `http://127.0.0.1:${await freePort()}`,
      ADMIN_URL: feedFront.origin,
      GRANTKEEPER_MASTER_KEYS: `1:${randomBytes(32).toString('base64')}`,
      RATE_LIMIT_FACTOR: '9999999',
      LOG_LEVEL: 'error',
      ...(redis && { REDIS_URL: redis.url }),
    };
    const start = async (name: string): Promise<Service> => {
      const service = await Service.start(name, env);
      cleanup.add(() => service.stop());
      return service;
    };
    const committing = await start('ledger');
    const issuer = await start('authorization');
    const feed = await start('ledger');
    const worker = await start('worker');
    Object.assign(backends, { feed, issuer });
    const tenancy = await makeTenancy(committing.origin, await operatorKey(env), issuerFront.origin);
    return new Deployment({ committing, feedFront, issuerFront, tenancy, redis }, [worker, feed, issuer, committing]);
  }

  async stop(): Promise<void> {
    for (const service of this.#services) await service.stop();
  }
}

async function operatorKey(env: Record<string, string>): Promise<string> {
  const cli = fileURLToPath(new URL('../../dist/apps/ledger/src/cli/admin-key.js', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [cli, '--name', 'bench'], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
  });
  return stdout.trim();
}

async function makeTenancy(adminUrl: string, adminKey: string, authUrl: string): Promise<Tenancy> {
  const admin = async <Body>(method: string, path: string, body: object): Promise<Body> => {
    const response = await fetch(`${adminUrl}/admin/v1/tenants${path}`, {
      method,
      headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status} ${await response.text()}`);
    return (await response.json()) as Body;
  };
  const {
    id: tenantId,
    issuer,
    resource,
  } = await admin<{ id: string; issuer: string; resource: string }>('POST', '', {
    slug: 'bench',
    displayName: 'Bench',
  });
  await admin('PATCH', '/bench/policy', { accessTokenSeconds: 3_600 });
  const { credential } = await admin<{ credential: string }>('POST', '/bench/enforcement-points', { name: 'points' });
  const clients = await inBatches(CLIENTS, async () => {
    const client = await admin<{ id: string; secret: string }>('POST', '/bench/clients', {
      metadata: {
        client_name: 'Bench',
        grant_types: ['client_credentials'],
        token_endpoint_auth_method: 'client_secret_post',
      },
    });
    await admin('POST', '/bench/client-grants', { clientId: client.id, scopes: ['boards:read'] });
    return client;
  });
  if (!issuer.startsWith(authUrl)) throw new Error(`The issuer ${issuer} is not behind its front.`);
  return { tenantId, issuer, resource, adminKey, credential, clients };
}
