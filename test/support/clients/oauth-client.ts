import { createHash, randomBytes } from 'node:crypto';
import type { Person } from './person.ts';

/** Parameters to send: `undefined` leaves one out, a list sends it several times. */
export type Sent = Record<string, string | readonly string[] | undefined>;

/** An answer of a protocol endpoint. */
export interface Answer<Body = Record<string, unknown>> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

export interface TokenBody {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly token_type: string;
  readonly expires_in: number;
  readonly scope: string;
  readonly error?: string;
  readonly error_description?: string;
}

/** A code that a person's browser has brought, and what is needed to redeem it. */
export interface Authorization {
  readonly callback: URL;
  readonly code: string;
  readonly verifier: string;
  readonly redirectUri: string;
}

interface Registered {
  readonly client_id: string;
  readonly client_secret?: string;
  readonly redirect_uris: readonly string[];
  readonly registration_access_token: string;
}

export const REDIRECT_URI = 'https://client.example/callback';

/** A client that says exactly what it is told to say, so that wrong requests can be sent too. */
export class OAuthClient {
  private constructor(
    readonly issuer: string,
    readonly resource: string,
    readonly id: string,
    readonly secret: string | undefined,
    readonly redirectUri: string,
    /** The registration access token (RFC 7592). */
    readonly management?: string,
  ) {}

  /** Registers a public client, unless `metadata` says otherwise. */
  static async register(
    issuer: string,
    metadata: Record<string, unknown> = {},
    headers: Record<string, string> = {},
  ): Promise<OAuthClient> {
    const answer = await postJson<Registered>(
      `${issuer}/register`,
      {
        client_name: 'Test client',
        redirect_uris: [REDIRECT_URI],
        token_endpoint_auth_method: 'none',
        ...metadata,
      },
      headers,
    );
    if (answer.status !== 201)
      throw new Error(`registration was answered ${answer.status} ${JSON.stringify(answer.body)}`);
    const { client_id: id, client_secret: secret, redirect_uris, registration_access_token } = answer.body;
    const redirectUri = redirect_uris[0] ?? REDIRECT_URI;
    return new OAuthClient(issuer, `${issuer}/mcp`, id, secret, redirectUri, registration_access_token);
  }

  static of(issuer: string, id: string, secret?: string, redirectUri = REDIRECT_URI): OAuthClient {
    return new OAuthClient(issuer, `${issuer}/mcp`, id, secret, redirectUri);
  }

  /** The same client as another tenant's issuer would see it. */
  at(issuer: string): OAuthClient {
    return new OAuthClient(issuer, `${issuer}/mcp`, this.id, this.secret, this.redirectUri);
  }

  /** The URL of an authorization request that is right, but for `changes`. */
  authorizationUrl(changes: Sent = {}): string {
    const parameters: Sent = {
      response_type: 'code',
      client_id: this.id,
      redirect_uri: this.redirectUri,
      code_challenge: s256(newVerifier()),
      code_challenge_method: 'S256',
      state: 'xyz',
      resource: this.resource,
      scope: 'boards:read boards:write offline_access',
      ...changes,
    };
    return `${this.issuer}/authorize?${encoded(parameters).toString()}`;
  }

  /** Sends `person` to the authorization endpoint and takes the code from the answer. */
  async authorize(person: Person, changes: Sent = {}): Promise<Authorization> {
    const verifier = newVerifier();
    const callback = await person.authorize(this.authorizationUrl({ code_challenge: s256(verifier), ...changes }));
    const code = callback.searchParams.get('code');
    if (code === null) throw new Error(`The answer holds no code: ${callback.search}`);
    return { callback, code, verifier, redirectUri: this.redirectUri };
  }

  async redeem(
    { code, verifier, redirectUri }: Authorization,
    changes: Sent = {},
    headers?: Record<string, string>,
  ): Promise<Answer<TokenBody>> {
    const parameters = {
      grant_type: 'authorization_code',
      code,
      code_verifier: verifier,
      redirect_uri: redirectUri,
      resource: this.resource,
    };
    return this.token({ ...parameters, ...changes }, headers);
  }

  async refresh(
    refreshToken: string,
    changes: Sent = {},
    headers?: Record<string, string>,
  ): Promise<Answer<TokenBody>> {
    return this.token({ grant_type: 'refresh_token', refresh_token: refreshToken, ...changes }, headers);
  }

  /** Authorizes and redeems: what a person calls linking. */
  async link(person: Person, changes: Sent = {}): Promise<TokenBody> {
    const { resource = this.resource } = changes;
    const { status, body } = await this.redeem(await this.authorize(person, changes), { resource });
    if (status !== 200) throw new Error(`The code was not redeemed: ${JSON.stringify(body)}`);
    return body;
  }

  async token(parameters: Sent, headers?: Record<string, string>): Promise<Answer<TokenBody>> {
    return postForm(`${this.issuer}/token`, { ...this.#credentials(), ...parameters }, headers);
  }

  async revoke(token: string, changes: Sent = {}, headers?: Record<string, string>): Promise<Answer> {
    return postForm(`${this.issuer}/revoke`, { ...this.#credentials(), token, ...changes }, headers);
  }

  #credentials(): Sent {
    return { client_id: this.id, client_secret: this.secret };
  }
}

/** The value of an Authorization header that says who the client is (OAuth 2.1 §2.4.1). */
export function basic(id: string, secret: string): string {
  const part = (text: string): string => new URLSearchParams({ v: text }).toString().slice(2);
  return `Basic ${Buffer.from(`${part(id)}:${part(secret)}`).toString('base64')}`;
}

export function newVerifier(): string {
  return randomBytes(32).toString('base64url');
}

export function s256(verifier: string): string {
  return createHash('sha256').update(verifier).digest('base64url');
}

/** What an access token says, unverified. */
export function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>;
}

export async function postForm<Body = Record<string, unknown>>(
  url: string,
  parameters: Sent,
  headers: Record<string, string> = {},
): Promise<Answer<Body>> {
  return answerOf(await fetch(url, { method: 'POST', redirect: 'manual', body: encoded(parameters), headers }));
}

export async function postJson<Body = Record<string, unknown>>(
  url: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Answer<Body>> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return answerOf(
    await fetch(url, {
      method: 'POST',
      redirect: 'manual',
      body: text,
      headers: { 'content-type': 'application/json', ...headers },
    }),
  );
}

async function answerOf<Body>(response: Response): Promise<Answer<Body>> {
  const text = await response.text();
  const json = /json/.test(response.headers.get('content-type') ?? '');
  return { status: response.status, headers: response.headers, body: (json ? JSON.parse(text) : text) as Body };
}

function encoded(parameters: Sent): URLSearchParams {
  const sent = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    for (const one of value === undefined ? [] : [value].flat()) sent.append(name, one);
  }
  return sent;
}
