import { Agent, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import type { FuzzRequest } from './requests.ts';

/** What came back; the stream of an endless answer is cut. */
export interface FuzzAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const LIMIT = 300_000;

/** Sends the request as it is; what Node's client refuses to say is written on a socket of its own. */
export async function send(origin: string, agent: Agent, request: FuzzRequest): Promise<FuzzAnswer> {
  try {
    return await byClient(origin, agent, request);
  } catch (error) {
    const { code } = error as { code?: string };
    if (
      code === 'ERR_UNESCAPED_CHARACTERS' ||
      code === 'ERR_INVALID_CHAR' ||
      code === 'ERR_INVALID_HTTP_TOKEN' ||
      code === 'ERR_HTTP_INVALID_HEADER_VALUE'
    )
      return bySocket(origin, request);
    throw error;
  }
}

function byClient(origin: string, agent: Agent, { method, target, headers, body }: FuzzRequest): Promise<FuzzAnswer> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(origin);
    const merged: Record<string, string | string[]> = {};
    for (const [name, value] of headers) {
      const known = merged[name];
      merged[name] = known === undefined || name === 'host' ? value : [known, value].flat();
    }
    if (body !== undefined) merged['content-length'] = String(Buffer.byteLength(body));
    const sent = httpRequest({ hostname, port, method, path: target, headers: merged, agent }, (answer) => {
      let text = '';
      const done = (): void => resolve({ status: answer.statusCode ?? 0, headers: flat(answer.headers), body: text });
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => {
        text += chunk;
        // An event stream has no end.
        if (text.length > LIMIT || answer.headers['content-type']?.startsWith('text/event-stream')) {
          done();
          answer.destroy();
        }
      });
      answer.on('end', done);
      answer.on('error', done);
    });
    // An answer may come, and the connection end, before a large body has been sent.
    sent.on('error', reject);
    sent.setTimeout(20_000, () => sent.destroy(new Error(`no answer within 20 s: ${method} ${target.slice(0, 200)}`)));
    sent.end(body);
  });
}

function bySocket(origin: string, { method, target, headers, body }: FuzzRequest): Promise<FuzzAnswer> {
  return new Promise((resolve, reject) => {
    const { hostname, port, host } = new URL(origin);
    const socket = connect(Number(port), hostname);
    let text = '';
    socket.setEncoding('latin1');
    socket.setTimeout(20_000, () => socket.destroy(new Error('no answer within 20 s')));
    socket.on('data', (chunk: string) => (text += chunk));
    socket.on('error', reject);
    socket.on('close', () => {
      const [head = '', ...rest] = text.split('\r\n\r\n');
      const [first = '', ...lines] = head.split('\r\n');
      const pairs = lines.map((line): [string, string] => [
        line.split(':', 1)[0]!.toLowerCase(),
        line.slice(line.indexOf(':') + 1).trim(),
      ]);
      resolve({
        status: Number(first.split(' ')[1] ?? 0),
        headers: Object.fromEntries(pairs),
        body: rest.join('\r\n\r\n'),
      });
    });
    const length = body === undefined ? [] : [`content-length: ${Buffer.byteLength(body)}`];
    const lines = [
      ...(headers.some(([name]) => name === 'host') ? [] : [`host: ${host}`]),
      ...headers.map(([name, value]) => `${name}: ${value}`),
      ...length,
      'connection: close',
    ];
    socket.end(`${method} ${target} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body ?? ''}`);
  });
}

function flat(headers: NodeJS.Dict<string | string[]>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value ?? ''].flat().join(', ')]));
}
