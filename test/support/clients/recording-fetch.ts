/** One exchange, as far as tests compare it. */
export interface Exchange {
  readonly to: string;
  readonly status: number;
  /** `error` of an OAuth answer or of a Bearer challenge. */
  readonly error: string | undefined;
}

/** A `fetch` that remembers what was answered, by the last part of the path: `POST token`, `GET mcp` … */
export class RecordingFetch {
  readonly #exchanges: Exchange[] = [];

  readonly fetch = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const response = await fetch(input, init);
    const url = new URL(input instanceof Request ? input.url : input);
    const challenge = /error="([^"]*)"/.exec(response.headers.get('www-authenticate') ?? '')?.[1];
    const json = response.status >= 400 && /json/.test(response.headers.get('content-type') ?? '');
    const body = json ? ((await response.clone().json()) as { error?: unknown }) : {};
    const error = challenge ?? (typeof body.error === 'string' ? body.error : undefined);
    this.#exchanges.push({ to: `${init?.method ?? 'GET'} ${nameOf(url)}`, status: response.status, error });
    return response;
  };

  /** What was recorded since the last time. */
  take(): Exchange[] {
    return this.#exchanges.splice(0);
  }
}

function nameOf({ pathname }: URL): string {
  const wellKnown = /\/\.well-known\/([^/]+)/.exec(pathname)?.[1];
  return wellKnown ?? pathname.slice(pathname.lastIndexOf('/') + 1);
}
