import { type AccessTokenClaims, readClaims } from './access-token-claims.ts';
import { TokenRefused } from './token-refused.ts';

export interface IntrospectionOptions {
  readonly url: () => Promise<string>;
  readonly credential: string;
  readonly fetch: typeof fetch;
  readonly timeoutMs: number;
}

/** Asks the issuer what a token is worth at this moment (RFC 7662). */
export class Introspection {
  readonly #options: IntrospectionOptions;

  constructor(options: IntrospectionOptions) {
    this.#options = options;
  }

  /** The token's claims; undefined when it is not, or no longer, to be accepted. Rejects when there is no answer. */
  async ask(token: string): Promise<AccessTokenClaims | undefined> {
    const { url, credential, fetch: fetchIt, timeoutMs } = this.#options;
    const response = await fetchIt(await url(), {
      method: 'POST',
      headers: { authorization: `Bearer ${credential}`, 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ token }).toString(),
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (!response.ok) {
      await response.body?.cancel();
      throw new Error(`Introspection answered ${response.status}.`);
    }
    const answer = (await response.json()) as Record<string, unknown>;
    if (answer['active'] !== true) return undefined;
    try {
      return readClaims(answer, '');
    } catch (error) {
      if (error instanceof TokenRefused)
        throw new Error('The answer to introspection cannot be read.', { cause: error });
      throw error;
    }
  }
}
