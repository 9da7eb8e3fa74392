import { Pool } from 'undici';

export interface Answer {
  readonly status: number;
  readonly location: string | undefined;
  /** What Set-Cookie said, one for each. */
  readonly cookies: readonly string[];
  readonly text: string;
}

/** Keep-alive connections to the server, one request at a time on each. */
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
    const response = await this.#pool.request({ method, path, headers, ...(body !== undefined && { body }) });
    const text = await response.body.text();
    if (response.statusCode !== expected)
      throw new Error(`${method} ${path.split('?')[0]} answered ${response.statusCode}: ${text.slice(0, 500)}`);
    const location = response.headers['location'];
    const cookies = response.headers['set-cookie'];
    return {
      status: response.statusCode,
      location: typeof location === 'string' ? location : undefined,
      cookies: cookies === undefined ? [] : [cookies].flat(),
      text,
    };
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
