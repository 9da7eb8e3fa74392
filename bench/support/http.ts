import { type Dispatcher, Pool } from 'undici';

export interface Answer {
  readonly status: number;
  readonly location: string | undefined;
  /** What Set-Cookie said, one for each. */
  readonly cookies: readonly string[];
  readonly text: string;
}

/**
 * Keep-alive connections to the server, one request at a time on each. Answers are collected by hand, without a stream for
 * each: what this process spends is the servers' loss on a machine that it shares with them.
 */
export class Http {
  readonly #pool: Pool;

  constructor(origin: string, connections: number) {
    this.#pool = new Pool(origin, { connections, pipelining: 1 });
  }

  /** Rejects unless the answer has this status, with the beginning of what came instead. */
  async send(
    expected: number,
    method: 'GET' | 'POST',
    path: string,
    headers: Record<string, string>,
    body?: string,
  ): Promise<Answer> {
    const answer = await new Promise<Answer>((resolve, reject) => {
      this.#pool.dispatch({ method, path, headers, body: body ?? null }, new Collector(resolve, reject));
    });
    if (answer.status !== expected)
      throw new Error(`${method} ${path.split('?')[0]} answered ${answer.status}: ${answer.text.slice(0, 500)}`);
    return answer;
  }

  get(expected: number, path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return this.send(expected, 'GET', path, headers);
  }

  form(
    expected: number,
    path: string,
    fields: Record<string, string>,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const body = new URLSearchParams(fields).toString();
    return this.send(expected, 'POST', path, { 'content-type': 'application/x-www-form-urlencoded', ...headers }, body);
  }

  json(expected: number, path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    return this.send(expected, 'POST', path, { 'content-type': 'application/json', ...headers }, JSON.stringify(body));
  }

  close(): Promise<void> {
    return this.#pool.destroy();
  }
}

class Collector implements Dispatcher.DispatchHandler {
  readonly #chunks: Buffer[] = [];
  #status = 0;
  #headers: Readonly<Record<string, string | string[] | undefined>> = {};
  readonly #resolve: (answer: Answer) => void;
  readonly #reject: (error: Error) => void;

  constructor(resolve: (answer: Answer) => void, reject: (error: Error) => void) {
    this.#resolve = resolve;
    this.#reject = reject;
  }

  // Without it undici takes a handler for one of its older interface.
  onRequestStart(): void {}

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    const { location, 'set-cookie': cookies } = this.#headers;
    this.#resolve({
      status: this.#status,
      location: typeof location === 'string' ? location : undefined,
      cookies: cookies === undefined ? [] : [cookies].flat(),
      text: (this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks)).toString(),
    });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#reject(error);
  }
}
