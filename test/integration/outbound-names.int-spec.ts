import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { OutboundClient, OutboundError, resolveByDns } from '@grantkeeper/outbound';
import { NameServer } from '../support/name-server.ts';

let names: NameServer;
let inside: Server;
let port: number;
const reached: string[] = [];

beforeAll(async () => {
  names = await NameServer.start();
  inside = createServer((request, response) => {
    reached.push(`${request.socket.localAddress} ${request.headers.host}`);
    response.end('inside');
  });
  // Every address of 127.0.0.0/8: whoever is led to another one of them gets here too.
  await new Promise<void>((resolve) => inside.listen(0, '0.0.0.0', resolve));
  ({ port } = inside.address() as AddressInfo);
});
afterAll(async () => {
  names.stop();
  inside.closeAllConnections();
  await new Promise((resolve) => inside.close(resolve));
});
beforeEach(() => {
  names.asked.length = 0;
  reached.length = 0;
});

const clientOf = (allowLoopback: boolean): OutboundClient =>
  new OutboundClient({
    allowLoopback,
    userAgent: 'grantkeeper-test',
    resolve: (host) => resolveByDns(host, [names.address]),
  });
const strict = clientOf(false);

async function reason(client: OutboundClient, url: string, timeoutMs?: number): Promise<string> {
  try {
    return `answered ${(await client.request({ url, ...(timeoutMs !== undefined && { timeoutMs }) })).status}`;
  } catch (error) {
    if (error instanceof OutboundError) return error.reason;
    throw error;
  }
}

describe('a name that is asked of DNS (CIMD-13, CIMD-14)', () => {
  it('has all the addresses of both kinds that the server knows, through other names too', async () => {
    names.put('many.example', ['1.1.1.1', '2606:4700::1111', '1.0.0.1', 'other.example']);
    names.put('other.example', ['8.8.8.8']);
    const found = await resolveByDns('many.example', [names.address]);
    expect(found.map(({ address, family }) => [address, family])).toEqual([
      ['1.1.1.1', 4],
      ['1.0.0.1', 4],
      ['8.8.8.8', 4],
      ['2606:4700::1111', 6],
    ]);
  });

  it.each([
    ['only inside', ['10.0.0.7']],
    ['inside, after many outside', [...Array.from({ length: 20 }, (_, nr) => `1.1.1.${nr + 1}`), '192.168.1.1']],
    ['inside by IPv6 alone', ['1.1.1.1', 'fd00::7']],
    ['this machine', ['127.0.0.1']],
    ['this machine by IPv6', ['::1']],
    ['the metadata of a cloud', ['169.254.169.254']],
    ['a mapped address', ['1.1.1.1', '::ffff:7f00:1']],
    ['NAT64 of an inside address', ['64:ff9b::a00:7']],
    ['shared address space', ['100.64.0.9']],
    ['another name, which is inside', ['inside.example']],
  ])('is refused when it is %s, and nobody is connected to', async (what, records) => {
    names.put('inside.example', ['10.1.2.3']);
    const name = `${what.replaceAll(/\W+/g, '-').toLowerCase()}.example`;
    names.put(name, records);
    expect(await reason(strict, `https://${name}:${port}/`)).toBe('address_refused');
    expect(reached).toEqual([]);
  });

  it('is unresolvable when the server does not know it, or knows nothing of it', async () => {
    names.put('empty.example', []);
    for (const name of ['unknown.example', 'empty.example']) {
      expect(await reason(strict, `https://${name}/`)).toBe('unresolvable');
    }
  });

  it('is asked once for each kind of address, and the answer is where the connection goes: what DNS says then is late', async () => {
    const local = clientOf(true);
    names.put('rebinding.example', ['127.0.0.2'], ['127.0.0.3']);
    expect(await reason(local, `http://rebinding.example:${port}/`)).toBe('answered 200');
    expect(reached).toEqual([`127.0.0.2 rebinding.example:${port}`]);
    expect(names.asked.map(({ type }) => type).sort()).toEqual(['A', 'AAAA']);
    // The next request looks again, and judges what it finds.
    names.put('rebinding.example', ['10.0.0.7']);
    expect(await reason(local, `http://rebinding.example:${port}/`)).toBe('address_refused');
    expect(reached).toHaveLength(1);
  });
});
