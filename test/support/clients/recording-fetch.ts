/** One exchange, as far as tests compare it. */
export interface Exchange {
  readonly to: string;
  readonly status: number;
  /** `error` of a Bearer challenge, or else of an OAuth answer. */
  readonly error: string | undefined;
}

/** A `fetch` that remembers what was answered, by the last part of the path: `POST token`, `GET mcp` … */
export class RecordingFetch {
  readonly #exchanges: Exchange[] = [];

  readonly fetch = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const response = await fetch(input, init);
    const url = new URL(input instanceof Request ? input.url : input);
    this.#exchanges.push({
      to: `${init?.method ?? 'GET'} ${nameOf(url)}`,
      status: response.status,
      error: await errorOf(response),
    });
    return response;
  };

  /** What was recorded since the last time. */
  take(): Exchange[] {
    return this.#exchanges.splice(0);
  }
}

async function errorOf(response: Response): Promise<string | undefined> {
  const challenge = response.headers.get('www-authenticate');
  if (challenge !== null) return /error="([^"]*)"/.exec(challenge)?.[1];
  if (response.ok || !/json/.test(response.headers.get('content-type') ?? '')) return undefined;
  return ((await response.clone().json()) as { error?: string }).error;
}

function nameOf({ pathname }: URL): string {
  const wellKnown = /\/\.well-known\/([^/]+)/.exec(pathname)?.[1];
  return wellKnown ?? pathname.slice(pathname.lastIndexOf('/') + 1);
}
