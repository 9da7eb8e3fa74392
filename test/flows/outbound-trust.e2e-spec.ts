import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DocumentServer } from '../support/document-server.ts';

const outbound = fileURLToPath(new URL('../../dist/libs/outbound/src/index.js', import.meta.url));

/** Fetches a URL as the services do, and prints the status or why there is none. */
const program = `
  const { OutboundClient } = await import(process.argv[1]);
  const client = new OutboundClient({ allowLoopback: true, userAgent: 'test' });
  const answer = await client.request({ url: process.argv[2] }).catch((error) => ({ status: error.reason }));
  process.stdout.write(String(answer.status));
`;

describe('an authority of the operator’s own (NODE_EXTRA_CA_CERTS)', () => {
  let server: DocumentServer;
  let stranger: DocumentServer;
  let directory: string;

  beforeAll(async () => {
    [server, stranger] = [await DocumentServer.start(), await DocumentServer.start()];
    directory = await mkdtemp(join(tmpdir(), 'grantkeeper-authority-'));
  }, 60_000);

  afterAll(async () => {
    await Promise.all([server?.stop(), stranger?.stop()]);
    await rm(directory, { recursive: true, force: true });
  });

  async function fetched(url: string, authority?: string): Promise<string> {
    const { NODE_EXTRA_CA_CERTS: _own, ...env } = process.env;
    const file = join(directory, 'authority.pem');
    if (authority !== undefined) await writeFile(file, authority);
    const child = spawn(
      process.execPath,
      ['--input-type=module', '--eval', program, pathToFileURL(outbound).href, url],
      {
        env: { ...env, NODE_OPTIONS: '', ...(authority !== undefined && { NODE_EXTRA_CA_CERTS: file }) },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    let said = '';
    child.stdout.on('data', (text: Buffer) => (said += text.toString()));
    await once(child, 'close');
    return said;
  }

  it('is trusted for what is fetched, beside those that everyone trusts', async () => {
    const url = server.putClient('/client.json');
    expect(await fetched(url, server.authority)).toBe('200');
  });

  it('is trusted by who was told so alone, and vouches for nobody else', async () => {
    expect(await fetched(server.putClient('/client.json'))).toBe('tls_failed');
    expect(await fetched(stranger.putClient('/client.json'), server.authority)).toBe('tls_failed');
    expect(await fetched(server.putClient('/client.json').replace('localhost', '127.0.0.2'), server.authority)).toBe(
      'connection_failed',
    );
  });
});
