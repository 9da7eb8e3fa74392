import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';
import type { MemoryProvider } from '../support/clients/memory-provider.ts';
import { describeJourney, type McpSession } from '../support/clients/mcp-journey.ts';

class Session implements McpSession {
  readonly #client = new Client({ name: 'journey', version: '1' }, { versionNegotiation: { mode: 'auto' } });
  #transport: StreamableHTTPClientTransport | undefined;

  constructor(
    private readonly resource: URL,
    private readonly provider: MemoryProvider,
    private readonly fetch: typeof globalThis.fetch,
  ) {}

  async connect(): Promise<void> {
    this.#transport = new StreamableHTTPClientTransport(this.resource, {
      authProvider: this.provider,
      fetch: this.fetch,
    });
    await this.#client.connect(this.#transport);
  }

  async finish(parameters: URLSearchParams): Promise<void> {
    // All parameters: this SDK checks `iss` against the metadata (AS-10).
    await this.#transport!.finishAuth(parameters);
  }

  protocolVersion(): string | undefined {
    return this.#client.getNegotiatedProtocolVersion();
  }

  async listTools(): Promise<string[]> {
    return (await this.#client.listTools()).tools.map(({ name }) => name);
  }

  async call(name: string, args: Record<string, unknown> = {}): Promise<unknown> {
    return (await this.#client.callTool({ name, arguments: args })).structuredContent;
  }

  async close(): Promise<void> {
    await this.#client.close();
  }
}

describeJourney({
  name: '@modelcontextprotocol/client, protocol 2026-07-28',
  protocolVersion: '2026-07-28',
  // SEP-2207: it adds offline_access because the metadata lists it, and then asks for a consent page.
  firstRequest: { scope: 'boards:read offline_access', prompt: 'consent' },
  unauthorized: UnauthorizedError,
  open: (provider, resource, fetch) => new Session(new URL(resource), provider, fetch),
  // It asks for the union of what it has and what the challenge names, past its refresh token (SEP-2350).
  stepUp: async (_session, _provider, _resource, attempt) => {
    await expect(attempt()).rejects.toBeInstanceOf(UnauthorizedError);
  },
});
