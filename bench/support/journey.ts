import { createHash, randomBytes } from 'node:crypto';
import type { Links, Person, Tokens } from './figure.ts';
import type { Http } from './http.ts';
import { REDIRECT_URI, type World } from './world.ts';

/** What a client, and the person at the browser, send for one link. */
export class Journey implements Links {
  readonly #http: Http;
  readonly #world: World;

  constructor(http: Http, world: World) {
    this.#http = http;
    this.#world = world;
  }

  /** Authorize, consent page, approval, code, token: three requests. */
  async link(person: Person, clientId: string): Promise<Tokens> {
    const verifier = newVerifier();
    const headers = { cookie: person.cookie };
    const page = await this.#http.get(200, this.#authorize(clientId, verifier), headers);
    const form = {
      request: hidden(page.text, 'request'),
      csrf: hidden(page.text, 'csrf'),
      decision: 'approve',
      ...everyBoxTicked(page.text),
    };
    const { location } = await this.#http.form(303, `${this.#world.issuer}/consent`, form, headers);
    return this.#redeem(clientId, verifier, location);
  }

  /** The link exists already, so the answer comes at once: two requests. */
  async linkAgain(person: Person, clientId: string): Promise<Tokens> {
    const verifier = newVerifier();
    const { location } = await this.#http.get(303, this.#authorize(clientId, verifier), { cookie: person.cookie });
    return this.#redeem(clientId, verifier, location);
  }

  async refresh(clientId: string, token: string): Promise<Tokens> {
    return this.#token({ grant_type: 'refresh_token', client_id: clientId, refresh_token: token });
  }

  async callTool(token: string, name: string): Promise<void> {
    const headers = { authorization: `Bearer ${token}`, accept: 'application/json, text/event-stream' };
    const { text } = await this.#http.json(
      200,
      this.#world.mcp,
      { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: {} } },
      headers,
    );
    if (!text.includes('"result"') || text.includes('"isError":true'))
      throw new Error(`${name} answered ${text.slice(0, 500)}`);
  }

  #authorize(clientId: string, verifier: string): string {
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: clientId,
      redirect_uri: REDIRECT_URI,
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
      state: verifier.slice(0, 16),
      resource: this.#world.resource,
      scope: 'boards:read boards:write offline_access',
    });
    return `${this.#world.issuer}/authorize?${query.toString()}`;
  }

  async #redeem(clientId: string, verifier: string, location: string | undefined): Promise<Tokens> {
    const code = new URL(location ?? '').searchParams.get('code');
    if (code === null) throw new Error(`There is no code in ${location}`);
    return this.#token({
      grant_type: 'authorization_code',
      client_id: clientId,
      code,
      code_verifier: verifier,
      redirect_uri: REDIRECT_URI,
      resource: this.#world.resource,
    });
  }

  async #token(fields: Record<string, string>): Promise<Tokens> {
    const { text } = await this.#http.form(200, `${this.#world.issuer}/token`, fields);
    const answer = JSON.parse(text) as { access_token: string; refresh_token: string };
    return { access: answer.access_token, refresh: answer.refresh_token };
  }
}

function newVerifier(): string {
  return randomBytes(32).toString('base64url');
}

/** The scopes that may be left out are ticked already: what a browser sends when the person leaves them so. */
function everyBoxTicked(html: string): Record<string, string> {
  return Object.fromEntries(
    Array.from(
      html.matchAll(/<input type="checkbox"[^>]* name="([^"]+)" value="([^"]+)" checked/g),
      ([, name, value]) => [name!, value!],
    ),
  );
}

function hidden(html: string, name: string): string {
  const value = new RegExp(`name="${name}" value="([^"]*)"`).exec(html)?.[1];
  if (value === undefined) throw new Error(`There is no ${name} in the page:\n${html.slice(0, 500)}`);
  return value
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}
