import { request } from 'node:http';
import type { RequestOptions } from 'node:http';
import { homedir } from 'node:os';

/** True when a Docker engine answers within a second, at `DOCKER_HOST` or where engines usually listen. */
export async function dockerAnswers(): Promise<boolean> {
  const answers = await Promise.all(addresses().map(ping));
  return answers.includes(true);
}

function addresses(): RequestOptions[] {
  const host = process.env['DOCKER_HOST'];
  if (host?.startsWith('unix://')) return [{ socketPath: host.slice('unix://'.length) }];
  if (host?.startsWith('tcp://')) {
    const { hostname, port } = new URL(host);
    return [{ hostname, port: port || '2375' }];
  }
  const runtime = process.env['XDG_RUNTIME_DIR'];
  return [
    '/var/run/docker.sock',
    `${homedir()}/.docker/run/docker.sock`,
    ...(runtime ? [`${runtime}/docker.sock`] : []),
  ].map((socketPath) => ({
    socketPath,
  }));
}

function ping(address: RequestOptions): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = request({ ...address, path: '/_ping', timeout: 1000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    probe.on('timeout', () => probe.destroy()).on('error', () => resolve(false));
    probe.on('close', () => resolve(false)).end();
  });
}
