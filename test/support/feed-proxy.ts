import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** What a network and what stands in it can do to the stream of the feed. */
export type StreamFault =
  /** Every message comes twice. */
  | 'duplicated'
  /** Every two messages change places. */
  | 'reordered'
  /** The connection ends after each message, in the middle of the next one. */
  | 'cut'
  /** A proxy hands everything on five seconds later. */
  | 'buffered'
  /** Heartbeats alone: all is well, says a node that hears nothing any more. */
  | 'all-well';

/** A reverse proxy before a deployment that a test can make fail. */
export class FeedProxy {
  streamFault: StreamFault | undefined;
  /** All answers of the feed, and what its streams bring, come this many milliseconds late. */
  delayed = 0;
  /** What the link carries to the point, in bits per second; without it as much as comes. */
  bandwidth: number | undefined;
  #freeAt = 0;
  /** Connections are refused, and those that there are cut, for these paths; everything for `all`. */
  #unreachable: RegExp | undefined;
  /** How many messages of the stream have been handed on. */
  delivered = 0;
  /** Questions that were let through, as `METHOD /path`, and those whose answer has been handed on in full. */
  readonly asked: string[] = [];
  readonly answered: string[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(private readonly target: string) {
    this.#server = createServer((incoming, outgoing) => this.#forward(incoming, outgoing));
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  static async before(target: string): Promise<FeedProxy> {
    const proxy = new FeedProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** `fetch` of somebody who reaches the deployment through this proxy, whatever address he was told. */
  readonly fetch: typeof fetch = (input, init) => fetch((input as string).replace(this.target, this.origin), init);

  /** From now on requests to these paths get no answer. */
  cut(paths = /^/): void {
    this.#unreachable = paths;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend(): void {
    this.#unreachable = undefined;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #forward(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const path = incoming.url ?? '/';
    if (this.#unreachable?.test(path)) {
      incoming.socket.destroy();
      return;
    }
    this.asked.push(`${incoming.method} ${path}`);
    const onward = request(this.target + path, { method: incoming.method, headers: incoming.headers }, (answer) => {
      setTimeout(() => this.#handOn(path, answer, outgoing), path.includes('/feed/') ? this.delayed : 0);
    });
    onward.on('error', () => outgoing.destroy());
    outgoing.on('finish', () => this.answered.push(`${incoming.method} ${path}`));
    outgoing.on('close', () => onward.destroy());
    incoming.pipe(onward);
  }

  #handOn(path: string, answer: IncomingMessage, outgoing: ServerResponse): void {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    if (path.includes('/stream')) this.#stream(answer, outgoing);
    else if (this.bandwidth === undefined) answer.pipe(outgoing);
    else void this.#slowly(answer, outgoing, this.bandwidth);
  }

  /** Hands on as fast as the link is, which all answers share. */
  async #slowly(answer: IncomingMessage, outgoing: ServerResponse, bandwidth: number): Promise<void> {
    try {
      for await (const chunk of answer) {
        const now = performance.now();
        this.#freeAt = Math.max(now, this.#freeAt) + ((chunk as Buffer).length * 8_000) / bandwidth;
        await new Promise((resolve) => setTimeout(resolve, this.#freeAt - now));
        outgoing.write(chunk);
      }
      outgoing.end();
    } catch {
      outgoing.destroy();
    }
  }

  #stream(answer: IncomingMessage, outgoing: ServerResponse): void {
    let rest = '';
    let held: string | undefined;
    answer.setEncoding('utf8');
    answer.on('error', () => outgoing.destroy());
    answer.on('end', () => outgoing.end());
    answer.on('data', (chunk: string) => {
      const messages = (rest + chunk).split('\n\n');
      rest = messages.pop() ?? '';
      for (const message of messages) {
        if (!message.includes('data:')) outgoing.write(`${message}\n\n`);
        else held = this.#message(`${message}\n\n`, outgoing, held);
      }
    });
  }

  /** Hands on a message, or does not; answers the one that is held back. */
  #message(message: string, outgoing: ServerResponse, held: string | undefined): string | undefined {
    const deliver = (text: string): void => {
      this.delivered += 1;
      outgoing.write(text);
    };
    switch (this.streamFault) {
      case 'duplicated':
        deliver(message);
        deliver(message);
        return undefined;
      case 'reordered':
        if (held === undefined) return message;
        deliver(message);
        deliver(held);
        return undefined;
      case 'cut':
        deliver(message + message.slice(0, message.length / 2));
        setTimeout(() => outgoing.destroy(), 1);
        return undefined;
      case 'buffered':
        setTimeout(() => deliver(message), 5_000);
        return undefined;
      case 'all-well':
        return undefined;
      default:
        if (this.delayed === 0) deliver(message);
        else setTimeout(() => deliver(message), this.delayed);
        return undefined;
    }
  }
}
