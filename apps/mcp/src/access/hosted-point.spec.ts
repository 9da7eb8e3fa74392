import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Database } from '@grantkeeper/event-store';
import { MasterSecrets, VerificationKeys } from '@grantkeeper/keys';
import { Logger } from '@nestjs/common';
import { McpOptions } from '../mcp-options.ts';
import { HostedPoint } from './hosted-point.ts';
import { LedgerStandingCheck } from './ledger-standing-check.ts';

describe('the log of the hosted servers', () => {
  let server: Server;
  let away = false;
  let leases = 0;
  const told: { level: string; message: unknown }[] = [];

  beforeAll(async () => {
    Logger.overrideLogger({
      log: (message: unknown) => told.push({ level: 'log', message }),
      warn: (message: unknown) => told.push({ level: 'warn', message }),
      error: (message: unknown) => told.push({ level: 'error', message }),
    });
    server = createServer((request, response) => {
      const path = request.url ?? '';
      if (away) response.writeHead(503).end();
      else if (path.includes('/stream'))
        response.writeHead(200, { 'content-type': 'text/event-stream' }).write(':\n\n');
      else {
        if (request.method === 'POST') leases += 1;
        response.end(JSON.stringify({ epoch: 1, through: 0, age: 0, epochs: {}, entries: [], complete: true }));
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  afterAll(async () => {
    Logger.overrideLogger(false);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10));
  };

  it('tells once that the feed is lost, and once that it is followed again', async () => {
    const { port } = server.address() as AddressInfo;
    const database = {} as Database;
    const point = new HostedPoint(
      new McpOptions({ feedUrl: `http://127.0.0.1:${port}` }),
      new MasterSecrets([{ version: 1, key: Buffer.alloc(32, 1) }]),
      new LedgerStandingCheck(database),
      new VerificationKeys(database),
    );
    point.onApplicationBootstrap();
    try {
      for (let times = 0; times < 2; times += 1) {
        await until(() => leases > 1);
        expect(told).toEqual([]);
        away = true;
        server.closeAllConnections();
        await until(() => told.some(({ level }) => level === 'warn'));
        away = false;
        leases = 0;
        await until(() => told.some(({ level }) => level === 'log'));
        const warnings = told.filter(({ level }) => level === 'warn').map(({ message }) => String(message));
        expect(new Set(warnings).size).toBe(warnings.length);
        expect(told.splice(0).at(-1)).toEqual({
          level: 'log',
          message: { msg: 'the revocation feed is followed again', afterMs: expect.any(Number) },
        });
      }
    } finally {
      await point.beforeApplicationShutdown();
    }
  });
});
