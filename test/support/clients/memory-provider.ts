import { randomBytes } from 'node:crypto';
import type {
  OAuthClientMetadata,
  OAuthClientProvider,
  OAuthDiscoveryState,
  StoredOAuthClientInformation,
  StoredOAuthTokens,
} from '@modelcontextprotocol/client';

export const CALLBACK = 'http://127.0.0.1:8123/callback';

/** What an application with an MCP client brings for the SDK's OAuth: a memory, and a way to open a browser. */
export class MemoryProvider implements OAuthClientProvider {
  readonly redirectUrl = CALLBACK;
  readonly clientMetadata: OAuthClientMetadata;
  /** Where the SDK wants to send the person. */
  wanted: URL | undefined;
  registration: StoredOAuthClientInformation | undefined;
  held: StoredOAuthTokens | undefined;
  #discovered: OAuthDiscoveryState | undefined;
  #state = '';
  #verifier = '';

  constructor(name: string) {
    this.clientMetadata = {
      client_name: name,
      redirect_uris: [CALLBACK],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    };
  }

  state(): string {
    this.#state = randomBytes(16).toString('base64url');
    return this.#state;
  }

  clientInformation(): StoredOAuthClientInformation | undefined {
    return this.registration;
  }

  saveClientInformation(information: StoredOAuthClientInformation): void {
    this.registration = information;
  }

  tokens(): StoredOAuthTokens | undefined {
    return this.held;
  }

  saveTokens(tokens: StoredOAuthTokens): void {
    this.held = tokens;
  }

  redirectToAuthorization(url: URL): void {
    this.wanted = url;
  }

  saveCodeVerifier(verifier: string): void {
    this.#verifier = verifier;
  }

  codeVerifier(): string {
    return this.#verifier;
  }

  discoveryState(): OAuthDiscoveryState | undefined {
    return this.#discovered;
  }

  saveDiscoveryState(state: OAuthDiscoveryState): void {
    this.#discovered = state;
  }

  invalidateCredentials(scope: 'all' | 'client' | 'tokens' | 'verifier' | 'discovery'): void {
    if (scope === 'all' || scope === 'client') this.registration = undefined;
    if (scope === 'all' || scope === 'tokens') this.held = undefined;
    if (scope === 'all' || scope === 'discovery') this.#discovered = undefined;
  }

  /** The authorization that the SDK wants, once. */
  takeWanted(): URL {
    const { wanted } = this;
    if (!wanted) throw new Error('The SDK wants no authorization.');
    this.wanted = undefined;
    return wanted;
  }

  get clientId(): string {
    if (!this.registration) throw new Error('The SDK has not registered.');
    return this.registration.client_id;
  }

  get heldTokens(): StoredOAuthTokens {
    if (!this.held) throw new Error('The SDK holds no tokens.');
    return this.held;
  }

  /** Scopes of the tokens that it holds. */
  get heldScopes(): string[] {
    return (this.heldTokens.scope ?? '').split(' ');
  }

  /** Makes the access token one that no server accepts any more, as if it had expired. */
  spoilAccessToken(): void {
    this.held = { ...this.heldTokens, access_token: `${this.heldTokens.access_token.slice(0, -8)}AAAAAAAA` };
  }

  /** The parameters of `callback`, if it answers this client's last request. */
  accept(callback: URL): URLSearchParams {
    if (`${callback.origin}${callback.pathname}` !== CALLBACK)
      throw new Error(`The answer went to ${callback.origin}.`);
    if (callback.searchParams.get('state') !== this.#state) throw new Error('The answer is to another request.');
    return callback.searchParams;
  }
}
