import {
  type FeedEntry,
  type FeedLease,
  type FeedPage,
  FeedUnreadable,
  readEntry,
  readLease,
  readPage,
} from './feed-entry.ts';
import { FeedTransport, type LeaseRequest } from './feed-transport.ts';

export interface HttpFeedOptions {
  /** Where the feed is served, for example `https://admin.example.com/feed/v1`; without a path it is under `/feed/v1`. */
  readonly url: string | (() => Promise<string>);
  /** The credential of this enforcement point. */
  readonly credential: string;
  readonly fetch?: typeof fetch;
}

/** Something comes every 15 seconds: a stream that is silent for longer is a connection that died unnoticed. */
const SILENCE_MS = 40_000;
/** Whoever sends a page byte by byte is not waited for. */
const LONGEST_PAGE_MS = 30_000;

/** The feed over HTTPS: a server-sent stream for speed, two plain requests for safety. Follows no redirect. */
export class HttpFeed extends FeedTransport {
  readonly #base: () => Promise<string>;
  readonly #headers: Record<string, string>;
  readonly #fetch: typeof fetch;
  /** The last whole answer to a delta, so that an unchanged one costs a 304. */
  #last: { readonly after: number; readonly etag: string; readonly page: FeedPage } | undefined;

  constructor(options: HttpFeedOptions) {
    super();
    const { url } = options;
    this.#base = typeof url === 'string' ? () => Promise.resolve(baseOf(url)) : async () => baseOf(await url());
    this.#headers = { authorization: `Bearer ${options.credential}` };
    this.#fetch = options.fetch ?? fetch;
  }

  override async delta(after: number, silenceMs: number): Promise<FeedPage> {
    const known = this.#last?.after === after ? this.#last : undefined;
    const silence = new AbortController();
    const watch = setTimeout(() => silence.abort(new FeedUnreadable('no answer in time')), silenceMs);
    try {
      const response = await this.#send(
        `/delta?after=${after}`,
        AbortSignal.any([silence.signal, AbortSignal.timeout(LONGEST_PAGE_MS)]),
        { headers: known && { 'if-none-match': known.etag } },
      );
      if (response.status === 304 && known) return againAged(known.page, response.headers);
      const page = readPage(JSON.parse(await text(response, () => watch.refresh())));
      const etag = response.headers.get('etag');
      this.#last = etag === null ? undefined : { after, etag, page };
      return page;
    } finally {
      clearTimeout(watch);
    }
  }

  override async lease(request: LeaseRequest, timeoutMs: number): Promise<FeedLease> {
    return readLease(
      await json(
        await this.#send('/lease', AbortSignal.timeout(timeoutMs), {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(request),
        }),
      ),
    );
  }

  override async stream(
    after: number,
    onEntries: (entries: readonly FeedEntry[]) => void,
    signal: AbortSignal,
    onOpen?: () => void,
  ): Promise<void> {
    const silence = new AbortController();
    const watch = setTimeout(() => silence.abort(new FeedUnreadable('the stream has fallen silent')), SILENCE_MS);
    try {
      const response = await this.#fetch(`${await this.#base()}/stream?after=${after}`, {
        headers: { ...this.#headers, accept: 'text/event-stream' },
        redirect: 'error',
        signal: AbortSignal.any([signal, silence.signal]),
      });
      if (!response.ok || !response.body)
        throw new FeedUnreadable(`the stream answered ${response.status}`, response.status);
      onOpen?.();
      await this.#read(response.body, onEntries, () => watch.refresh());
    } finally {
      clearTimeout(watch);
    }
  }

  async #read(
    body: ReadableStream<Uint8Array<ArrayBuffer>>,
    onEntries: (entries: readonly FeedEntry[]) => void,
    onSign: () => void,
  ): Promise<void> {
    let rest = '';
    for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
      onSign();
      const messages = (rest + chunk).split('\n\n');
      rest = messages.pop() ?? '';
      for (const message of messages) {
        const data = message
          .split('\n')
          .filter((line) => line.startsWith('data:'))
          .map((line) => line.slice(5).trimStart())
          .join('\n');
        if (data !== '') onEntries((JSON.parse(data) as unknown[]).map(readEntry));
      }
    }
  }

  override async leave(instance: string, timeoutMs: number): Promise<void> {
    const response = await this.#send(`/lease/${instance}`, AbortSignal.timeout(timeoutMs), { method: 'DELETE' });
    await response.body?.cancel();
  }

  async #send(
    path: string,
    signal: AbortSignal,
    init: { method?: string; headers?: Record<string, string> | undefined; body?: string },
  ): Promise<Response> {
    const response = await this.#fetch((await this.#base()) + path, {
      ...init,
      headers: { ...this.#headers, ...init.headers },
      redirect: 'error',
      signal,
    });
    if (response.ok || response.status === 304) return response;
    await response.body?.cancel();
    throw new FeedUnreadable(`the feed answered ${response.status}`, response.status);
  }
}

function baseOf(url: string): string {
  const { origin, pathname } = new URL(url);
  return pathname === '/' ? `${origin}/feed/v1` : `${origin}${pathname.replace(/\/$/, '')}`;
}

async function json(response: Response): Promise<unknown> {
  return response.json();
}

/** Calls `onSign` whenever some of it comes. */
async function text(response: Response, onSign: () => void): Promise<string> {
  let whole = '';
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    onSign();
    whole += chunk;
  }
  return whole;
}

/** A page that has not changed, as new as the answer says. */
function againAged(page: FeedPage, headers: Headers): FeedPage {
  const age = Number(headers.get('grantkeeper-feed-age'));
  const now = Number(headers.get('grantkeeper-feed-now'));
  if (!Number.isFinite(age) || !(now > 0)) throw new FeedUnreadable('the age or the time is missing');
  return { ...page, age, now };
}
