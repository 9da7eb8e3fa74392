import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer } from 'node:net';
import { gzipSync } from 'node:zlib';
import { OutboundClient, OutboundError, type OutboundRequest, type ResolvedAddress } from '@grantkeeper/outbound';

const open: (Server | TcpServer)[] = [];

async function serve(server: Server | TcpServer, host = '127.0.0.1'): Promise<number> {
  open.push(server);
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return (server.address() as AddressInfo).port;
}

const http = (listener: RequestListener): Promise<number> => serve(createServer(listener));

afterEach(async () => {
  for (const server of open.splice(0)) {
    if ('closeAllConnections' in server) server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

const local = new OutboundClient({ allowLoopback: true, userAgent: 'grantkeeper-test' });
const strict = new OutboundClient({ allowLoopback: false, userAgent: 'grantkeeper-test' });

const resolving = (
  allowLoopback: boolean,
  ...answers: ResolvedAddress[][]
): { client: OutboundClient; asked: string[] } => {
  const asked: string[] = [];
  const client = new OutboundClient({
    allowLoopback,
    userAgent: 'grantkeeper-test',
    resolve: async (host) => {
      asked.push(host);
      return answers.length > 1 ? answers.shift()! : answers[0]!;
    },
  });
  return { client, asked };
};

async function reason(client: OutboundClient, request: OutboundRequest): Promise<string> {
  try {
    return `answered ${(await client.request(request)).status}`;
  } catch (error) {
    if (error instanceof OutboundError) return error.reason;
    throw error;
  }
}

const loopback4 = { address: '127.0.0.1', family: 4 };
const loopback6 = { address: '::1', family: 6 };
const outside = { address: '1.1.1.1', family: 4 };

describe('an allowed request', () => {
  test('sends method, headers and body and gives back status, headers and bytes', async () => {
    const port = await http((request, response) => {
      let body = '';
      request.on('data', (chunk) => (body += chunk));
      request.on('end', () => {
        response.setHeader('content-type', 'application/json');
        response.statusCode = 201;
        response.end(JSON.stringify({ method: request.method, url: request.url, headers: request.headers, body }));
      });
    });
    const answer = await local.request({
      method: 'POST',
      url: `http://127.0.0.1:${port}/hook?a=1`,
      headers: { 'Content-Type': 'text/plain', 'X-One': '1' },
      body: 'hello',
    });
    expect(answer.status).toBe(201);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(JSON.parse(answer.body.toString())).toMatchObject({
      method: 'POST',
      url: '/hook?a=1',
      body: 'hello',
      headers: { 'x-one': '1', 'user-agent': 'grantkeeper-test', host: `127.0.0.1:${port}`, 'content-length': '5' },
    });
  });

  test.each([400, 404, 500])('gives back status %i as an answer', async (status) => {
    const port = await http((_request, response) => {
      response.statusCode = status;
      response.end();
    });
    expect((await local.request({ url: `http://127.0.0.1:${port}/` })).status).toBe(status);
  });

  test('refuses to let a caller set the host', async () => {
    await expect(local.request({ url: 'http://127.0.0.1:9000/', headers: { Host: 'inside' } })).rejects.toThrow(
      TypeError,
    );
  });
});

describe('addresses', () => {
  test.each([
    'https://127.0.0.1/',
    'https://2130706433/',
    'https://0177.0.0.1/',
    'https://0x7f000001/',
    'https://[::1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[::ffff:a9fe:a9fe]/',
    'https://[64:ff9b::7f00:1]/',
    'https://169.254.169.254/latest/meta-data',
    'https://10.0.0.1/',
    'https://[fd00::1]/',
  ])('refuses %s', async (url) => {
    expect(await reason(strict, { url })).toBe('address_refused');
  });

  test.each([
    ['https://10.0.0.1/', 'address_refused', 'address_refused'],
    ['https://127.0.0.1/', 'address_refused', undefined],
    ['http://127.0.0.1:9/', 'scheme_refused', 'port_refused'],
    ['http://127.0.0.1:9000/', 'scheme_refused', undefined],
    ['https://localhost/', 'address_refused', undefined],
    ['http://hooks.example/', 'scheme_refused', undefined],
    ['https://hooks.example/', undefined, undefined],
  ])('knows without a request whether %s can be reached', (url, strictly, locally) => {
    expect([strict.refusalOf(url), local.refusalOf(url)]).toEqual([strictly, locally]);
  });

  test('refuses names of this machine', async () => {
    expect(await reason(strict, { url: 'https://localhost/' })).toBe('address_refused');
  });

  test.each(['https://10.0.0.1/', 'https://169.254.169.254/', 'https://[::ffff:127.0.0.1]/', 'https://0.0.0.0/'])(
    'refuses %s although loopback is allowed',
    async (url) => {
      expect(await reason(local, { url })).toBe('address_refused');
    },
  );

  test('refuses a name with one address outside and one inside', async () => {
    for (const inside of [loopback4, loopback6, { address: '10.1.2.3', family: 4 }]) {
      const { client } = resolving(true, [outside, inside]);
      expect(await reason(client, { url: 'https://mixed.example/' })).toBe('address_refused');
    }
  });

  test('refuses a name that resolves to nothing or not at all', async () => {
    expect(await reason(resolving(false, []).client, { url: 'https://empty.example/' })).toBe('unresolvable');
    const broken = new OutboundClient({
      allowLoopback: false,
      userAgent: 'grantkeeper-test',
      resolve: () => Promise.reject(new Error('SERVFAIL')),
    });
    expect(await reason(broken, { url: 'https://broken.example/' })).toBe('unresolvable');
  });

  test('allows plain http to loopback only', async () => {
    expect(await reason(strict, { url: 'http://127.0.0.1/' })).toBe('scheme_refused');
    expect(await reason(resolving(true, [outside]).client, { url: 'http://outside.example/' })).toBe('scheme_refused');
  });

  test('connects to the checked address and asks the resolver once, so that rebinding has no second chance', async () => {
    const port = await http((request, response) => void response.end(request.headers.host));
    // A name that the system's resolver does not know: reaching the server proves that the pinned address was used.
    const { client, asked } = resolving(true, [loopback4], [{ address: '10.0.0.1', family: 4 }]);
    const answer = await client.request({ url: `http://rebinding.invalid:${port}/` });
    expect(answer.body.toString()).toBe(`rebinding.invalid:${port}`);
    expect(asked).toEqual(['rebinding.invalid']);
  });

  test('a name that answers inside on the second request is refused on the second request', async () => {
    const port = await http((_request, response) => void response.end('first'));
    const { client } = resolving(true, [loopback4], [{ address: '192.168.0.1', family: 4 }]);
    expect(await reason(client, { url: `http://rebinding.invalid:${port}/` })).toBe('answered 200');
    expect(await reason(client, { url: `http://rebinding.invalid:${port}/` })).toBe('address_refused');
  });
});

describe('answers that are not taken', () => {
  test.each([301, 302, 303, 307, 308])('refuses redirect %i and does not follow it', async (status) => {
    let followed = false;
    const port = await http((request, response) => {
      if (request.url === '/inside') followed = true;
      response.writeHead(status, { location: '/inside' });
      response.end();
    });
    expect(await reason(local, { url: `http://127.0.0.1:${port}/` })).toBe('redirect_refused');
    expect(followed).toBe(false);
  });

  test('stops reading an endless body at the limit', async () => {
    let sent = 0;
    const port = await http((_request, response) => {
      const chunk = Buffer.alloc(4096, 'x');
      const more = (): void => {
        while (!response.destroyed) {
          sent += chunk.length;
          if (!response.write(chunk)) return void response.once('drain', more);
        }
      };
      more();
    });
    expect(await reason(local, { url: `http://127.0.0.1:${port}/`, maxBytes: 5 * 1024 })).toBe('too_large');
    expect(sent).toBeLessThan(16 * 1024 * 1024);
  });

  test('counts bytes read, whatever the announced length', async () => {
    const port = await http((_request, response) => {
      response.writeHead(200, { 'content-length': '6000' });
      response.end(Buffer.alloc(6000));
    });
    expect(await reason(local, { url: `http://127.0.0.1:${port}/`, maxBytes: 5120 })).toBe('too_large');
    expect(await reason(local, { url: `http://127.0.0.1:${port}/`, maxBytes: 6000 })).toBe('answered 200');
  });

  test('reads nothing of a body that is to be discarded', async () => {
    const port = await http((_request, response) => {
      response.writeHead(202, { 'content-encoding': 'gzip' });
      response.write(Buffer.alloc(100_000));
    });
    const answer = await local.request({ url: `http://127.0.0.1:${port}/`, maxBytes: 10, discardBody: true });
    expect(answer).toMatchObject({ status: 202, body: Buffer.alloc(0) });
  });

  test('refuses a compressed body', async () => {
    const port = await http((_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' });
      response.end(gzipSync(Buffer.alloc(1024 * 1024)));
    });
    expect(await reason(local, { url: `http://127.0.0.1:${port}/` })).toBe('encoding_refused');
  });

  test('refuses headers without end', async () => {
    const port = await http((_request, response) => {
      response.writeHead(200, { 'x-long': 'x'.repeat(40_000) });
      response.end();
    });
    expect(await reason(local, { url: `http://127.0.0.1:${port}/` })).toBe('too_large');
  });

  test('refuses what is not HTTP', async () => {
    const port = await serve(
      createTcpServer(
        (socket) =>
          void socket
            .on('error', () => undefined)
            .resume()
            .end('SSH-2.0-OpenSSH_9.2\r\n'),
      ),
    );
    expect(await reason(local, { url: `http://127.0.0.1:${port}/` })).toBe('invalid_response');
  });
});

describe('time', () => {
  const timed = async (request: OutboundRequest, client = local): Promise<[string, number]> => {
    const start = performance.now();
    return [await reason(client, request), performance.now() - start];
  };

  test('gives up on a server that never answers', async () => {
    const port = await http(() => undefined);
    const [why, ms] = await timed({ url: `http://127.0.0.1:${port}/`, timeoutMs: 200 });
    expect(why).toBe('timeout');
    expect(ms).toBeLessThan(2_000);
  });

  test('gives up on a body that drips', async () => {
    const port = await http((_request, response) => {
      response.write('x');
      const drip = setInterval(() => response.write('x'), 20);
      response.on('close', () => clearInterval(drip));
    });
    const [why, ms] = await timed({ url: `http://127.0.0.1:${port}/`, timeoutMs: 300 });
    expect(why).toBe('timeout');
    expect(ms).toBeLessThan(2_000);
  });

  test('counts the time of the resolver', async () => {
    const stuck = new OutboundClient({
      allowLoopback: true,
      userAgent: 'grantkeeper-test',
      resolve: () => new Promise(() => undefined),
    });
    const [why, ms] = await timed({ url: 'https://slow.example/', timeoutMs: 200 }, stuck);
    expect(why).toBe('timeout');
    expect(ms).toBeLessThan(2_000);
  });

  test('says when nobody listens', async () => {
    const server = createServer();
    const port = await serve(server);
    await new Promise((resolve) => server.close(resolve));
    open.length = 0;
    expect(await reason(local, { url: `http://127.0.0.1:${port}/` })).toBe('connection_failed');
  });

  test('names the reason, never the URL, in its message', async () => {
    const port = await http(() => undefined);
    const failure = await local
      .request({ url: `http://127.0.0.1:${port}/secret-path`, timeoutMs: 100 })
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(OutboundError);
    expect(String(failure)).not.toContain('secret-path');
  });
});
