import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, constants, mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { dockerAnswers } from './docker.ts';

/** A Redis (or Valkey) server for tests. */
export interface TestRedis {
  readonly url: string;
  readonly kind: 'given' | 'container' | 'process';
  /** Ends the server without warning, as a crash does; null for a server that is not ours. */
  readonly kill: (() => Promise<void>) | null;
  /** Lets it answer nothing, or again; null where that cannot be had. */
  readonly freeze: ((frozen: boolean) => void) | null;
  stop(): Promise<void>;
}

/** What a skipped suite says about itself. */
export const NO_REDIS = 'no Redis: set TEST_REDIS_URL, or have Docker, redis-server or valkey-server';

/**
 * `TEST_REDIS_URL` when it is given, else a container where a Docker engine answers, else `redis-server` or
 * `valkey-server` from the path, else null (then say {@link NO_REDIS} in the name of what is skipped).
 * `port` asks for a port, to bring a killed server back where it was.
 */
export async function redisForTests(options: { port?: number } = {}): Promise<TestRedis | null> {
  const given = process.env['TEST_REDIS_URL'];
  if (given) return { url: given, kind: 'given', kill: null, freeze: null, stop: async () => undefined };
  if (await dockerAnswers()) return startContainer();
  const command = await redisCommand();
  return command === null ? null : startRedisProcess(command, options.port);
}

/** `redis-server` or `valkey-server`, where it is on the path. */
export async function redisCommand(): Promise<string | null> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    for (const name of ['redis-server', 'valkey-server']) {
      const command = join(folder, name);
      const found = await access(command, constants.X_OK).then(
        () => true,
        () => false,
      );
      if (found) return command;
    }
  }
  return null;
}

/** Starts `command` on a free port (or `port`) of loopback, without persistence, and waits until it answers. */
export async function startRedisProcess(command: string, port?: number): Promise<TestRedis> {
  const directory = await mkdtemp(join(tmpdir(), 'grantkeeper-redis-'));
  const listening = port ?? (await freePort());
  const args = [
    '--port',
    `${listening}`,
    '--bind',
    '127.0.0.1',
    '--dir',
    directory,
    '--save',
    '',
    '--appendonly',
    'no',
    '--maxmemory-policy',
    'noeviction',
  ];
  const server = spawn(command, args, { stdio: 'ignore' });
  // A test run that is killed must not leave a server behind; a clean one stops it itself.
  const end = (): void => void server.kill('SIGKILL');
  process.once('exit', end);
  const stop = async (): Promise<void> => {
    process.off('exit', end);
    if (server.exitCode === null && server.signalCode === null) {
      server.kill('SIGKILL');
      await once(server, 'exit');
    }
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await answers(listening, server);
  } catch (error) {
    await stop();
    throw error;
  }
  const freeze = (frozen: boolean): void => void server.kill(frozen ? 'SIGSTOP' : 'SIGCONT');
  return { url: `redis://127.0.0.1:${listening}`, kind: 'process', kill: stop, freeze, stop };
}

async function startContainer(): Promise<TestRedis> {
  // Imported here: testcontainers needs a second that most runs need not spend.
  const { GenericContainer } = await import('testcontainers');
  const container = await new GenericContainer('redis:7-alpine')
    .withCommand(['redis-server', '--save', '', '--maxmemory-policy', 'noeviction'])
    .withExposedPorts(6379)
    .start();
  const stop = async (): Promise<void> => void (await container.stop());
  return {
    url: `redis://${container.getHost()}:${container.getMappedPort(6379)}`,
    kind: 'container',
    kill: stop,
    freeze: null,
    stop,
  };
}

export async function freePort(): Promise<number> {
  const probe = createServer();
  probe.listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

async function answers(port: number, server: { exitCode: number | null }): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (Date.now() < deadline && server.exitCode === null) {
    if (await ping(port)) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`The Redis server on port ${port} did not answer.`);
}

function ping(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    socket.setTimeout(500, () => socket.destroy());
    socket.once('data', (data) => {
      resolve(data.toString().startsWith('+PONG'));
      socket.destroy();
    });
    socket.once('error', () => undefined);
    socket.once('close', () => resolve(false));
  });
}
