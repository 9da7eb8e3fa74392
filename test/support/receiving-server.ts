import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ReceivedRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** How a receiver answers: with a status, perhaps late, or not at all. */
export interface GivenAnswer {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly afterMs?: number;
  readonly never?: boolean;
}

/** A receiver of events on loopback: keeps what it gets, by path, and answers as each path is told to. */
export class ReceivingServer {
  readonly received: ReceivedRequest[] = [];
  readonly #answers = new Map<string, (nth: number, request: ReceivedRequest) => GivenAnswer>();

  private constructor(
    private readonly server: Server,
    readonly origin: string,
  ) {}

  static async start(): Promise<ReceivingServer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const own = new ReceivingServer(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const path = request.url ?? '/';
        const got = { path, headers: request.headers, body: Buffer.concat(chunks).toString() };
        own.received.push(got);
        const answer = own.#answers.get(path)?.(own.at(path).length, got) ?? {};
        if (answer.never) return;
        void sleep(answer.afterMs ?? 0).then(() =>
          response.writeHead(answer.status ?? 204, answer.headers).end(answer.body),
        );
      });
    });
    return own;
  }

  /** What has come at a path, in its order. */
  at(path: string): ReceivedRequest[] {
    return this.received.filter((request) => request.path === path);
  }

  /** How requests at a path are answered; `nth` counts from 1. */
  answer(path: string, how: (nth: number, request: ReceivedRequest) => GivenAnswer): void {
    this.#answers.set(path, how);
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
