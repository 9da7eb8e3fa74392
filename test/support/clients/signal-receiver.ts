import jose from 'node-jose';
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';

export const PUSH = 'urn:ietf:rfc:8935';
export const POLL = 'urn:ietf:rfc:8936';

export interface StreamConfiguration {
  readonly stream_id: string;
  readonly iss: string;
  readonly aud: string;
  readonly events_delivered: readonly string[];
  readonly delivery: { readonly method: string; readonly endpoint_url: string };
}

export interface Polled {
  readonly sets: Readonly<Record<string, string>>;
  readonly moreAvailable: boolean;
}

/** Claims of a security event token, as its receiver has verified them. */
export interface ReceivedSet {
  readonly jti: string;
  readonly iss: string;
  readonly aud: string;
  readonly iat: number;
  readonly txn: string;
  readonly sub_id: Record<string, unknown>;
  readonly events: Record<string, Record<string, unknown>>;
}

/** A receiver of Shared Signals that finds everything from the issuer, as a stranger does. */
export class SignalReceiverClient {
  readonly #keys: ReturnType<typeof createLocalJWKSet>;

  private constructor(
    readonly issuer: string,
    private readonly credential: string,
    readonly audience: string,
    readonly metadata: Record<string, string>,
    private readonly jwks: JSONWebKeySet,
  ) {
    this.#keys = createLocalJWKSet(jwks);
  }

  static async discover(issuer: string, credential: string, audience: string): Promise<SignalReceiverClient> {
    const { origin, pathname } = new URL(issuer);
    const path = pathname === '/' ? '' : pathname;
    const metadata = (await (await fetch(`${origin}/.well-known/ssf-configuration${path}`)).json()) as Record<
      string,
      string
    >;
    const jwks = (await (await fetch(metadata['jwks_uri']!)).json()) as JSONWebKeySet;
    return new SignalReceiverClient(issuer, credential, audience, metadata, jwks);
  }

  async call<Answer>(
    endpoint: string,
    method: string,
    body?: unknown,
    credential = this.credential,
  ): Promise<{ status: number; headers: Headers; body: Answer }> {
    const response = await fetch(this.metadata[endpoint] ?? endpoint, {
      method,
      headers: {
        ...(credential !== '' && { authorization: `Bearer ${credential}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: (text ? JSON.parse(text) : undefined) as Answer,
    };
  }

  async stream(configuration: object): Promise<StreamConfiguration> {
    const { status, body } = await this.call<StreamConfiguration>('configuration_endpoint', 'POST', configuration);
    if (status !== 201) throw new Error(`No stream: ${status} ${JSON.stringify(body)}`);
    return body;
  }

  async poll({ delivery }: StreamConfiguration, request: object = {}): Promise<Polled> {
    const { status, body } = await this.call<Polled>(delivery.endpoint_url, 'POST', {
      returnImmediately: true,
      ...request,
    });
    if (status !== 200) throw new Error(`No poll: ${status} ${JSON.stringify(body)}`);
    return body;
  }

  /** Verified as SSF §4.1 asks, by two libraries that share nothing. */
  async verify(token: string): Promise<ReceivedSet> {
    const { payload, protectedHeader } = await jwtVerify(token, this.#keys, {
      issuer: this.issuer,
      audience: this.audience,
      typ: 'secevent+jwt',
      algorithms: ['RS256'],
    });
    const store = await jose.JWK.asKeyStore(this.jwks);
    const other = await jose.JWS.createVerify(store, { algorithms: ['RS256'] }).verify(token);
    if (JSON.stringify(JSON.parse(other.payload.toString())) !== JSON.stringify(payload))
      throw new Error('Two libraries read different claims.');
    if (protectedHeader.kid === undefined) throw new Error('The token names no key.');
    if ('exp' in payload || 'sub' in payload) throw new Error('No security event token has exp or sub.');
    return payload as unknown as ReceivedSet;
  }
}
