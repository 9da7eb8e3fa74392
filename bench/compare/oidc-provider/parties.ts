import { createHash, randomBytes } from 'node:crypto';
import type { Links, Parties, Person, Tokens } from '../../support/figure.ts';
import type { Answer, Http } from '../../support/http.ts';
import { inBatches } from '../../support/in-batches.ts';
import { REDIRECT_URI } from '../../support/world.ts';

const RESOURCE = 'https://mcp.example/mcp';

/** What our World and Journey do, against `oidc-provider`. */
export class OidcProviderParties implements Parties, Links {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  async register(): Promise<string> {
    const { text } = await this.#http.json(201, '/reg', {
      client_name: 'Bench',
      redirect_uris: [REDIRECT_URI],
      grant_types: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_method: 'none',
    });
    return (JSON.parse(text) as { client_id: string }).client_id;
  }

  clients(count: number): Promise<string[]> {
    return inBatches(count, () => this.register());
  }

  /** Signed in on the way to a client of their own, which they then refuse by going away. */
  async people(count: number): Promise<Person[]> {
    const clientId = await this.register();
    return inBatches(count, async () => {
      const browser = new Browser(this.#http);
      const toLogin = await browser.get(303, authorize(clientId, newVerifier()));
      const login = toLogin.location ?? '';
      await browser.get(200, login);
      const resumed = await browser.post(303, login, { login: randomBytes(9).toString('hex') });
      await browser.get(303, new URL(resumed.location ?? '').pathname);
      return { cookie: browser.sessionCookie() };
    });
  }

  /** Authorize, consent page, approval, resumption, code, token: five requests. */
  async link(person: Person, clientId: string): Promise<Tokens> {
    const verifier = newVerifier();
    const browser = new Browser(this.#http, person.cookie);
    const { location: page = '' } = await browser.get(303, authorize(clientId, verifier));
    await browser.get(200, page);
    const { location: resume = '' } = await browser.post(303, page, {});
    const { location } = await browser.get(303, new URL(resume).pathname);
    // The session has a new identifier after each interaction.
    person.cookie = browser.sessionCookie();
    return this.#redeem(clientId, verifier, location);
  }

  /** The grant is known to the session, so the answer comes at once: two requests. */
  async linkAgain(person: Person, clientId: string): Promise<Tokens> {
    const verifier = newVerifier();
    const { location } = await new Browser(this.#http, person.cookie).get(303, authorize(clientId, verifier));
    return this.#redeem(clientId, verifier, location);
  }

  refresh(clientId: string, token: string): Promise<Tokens> {
    return this.#token({ grant_type: 'refresh_token', client_id: clientId, refresh_token: token });
  }

  #redeem(clientId: string, verifier: string, location = ''): Promise<Tokens> {
    const code = URL.parse(location)?.searchParams.get('code');
    if (!code) throw new Error(`There is no code in ${location}`);
    return this.#token({
      grant_type: 'authorization_code',
      client_id: clientId,
      code,
      code_verifier: verifier,
      redirect_uri: REDIRECT_URI,
      resource: RESOURCE,
    });
  }

  async #token(fields: Record<string, string>): Promise<Tokens> {
    const { text } = await this.#http.form(200, '/token', fields);
    const answer = JSON.parse(text) as { access_token: string; refresh_token: string };
    if (!answer.access_token.includes('.') || !answer.refresh_token) throw new Error(`Not both tokens: ${text}`);
    return { access: answer.access_token, refresh: answer.refresh_token };
  }
}

/** Keeps what cookies the provider sets on the way. */
class Browser {
  readonly #http: Http;
  readonly #cookies = new Map<string, string>();

  constructor(http: Http, cookies = '') {
    this.#http = http;
    for (const pair of cookies.split('; ').filter(Boolean)) this.#keep(pair);
  }

  async get(status: number, path: string): Promise<Answer> {
    return this.#learn(await this.#http.get(status, path, { cookie: this.#header() }));
  }

  async post(status: number, path: string, fields: Record<string, string>): Promise<Answer> {
    return this.#learn(await this.#http.form(status, path, fields, { cookie: this.#header() }));
  }

  sessionCookie(): string {
    return [...this.#cookies]
      .filter(([name]) => name.startsWith('_session'))
      .map((pair) => pair.join('='))
      .join('; ');
  }

  #learn(answer: Answer): Answer {
    for (const cookie of answer.cookies) this.#keep(cookie.split(';')[0] ?? '');
    return answer;
  }

  #keep(pair: string): void {
    const at = pair.indexOf('=');
    this.#cookies.set(pair.slice(0, at), pair.slice(at + 1));
  }

  #header(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }
}

function authorize(clientId: string, verifier: string): string {
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: clientId,
    redirect_uri: REDIRECT_URI,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    state: verifier.slice(0, 16),
    resource: RESOURCE,
    scope: 'boards:read boards:write',
  });
  return `/auth?${query.toString()}`;
}

function newVerifier(): string {
  return randomBytes(32).toString('base64url');
}
