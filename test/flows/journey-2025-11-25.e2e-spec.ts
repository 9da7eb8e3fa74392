import { auth, UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { MemoryProvider } from '../support/clients/memory-provider.ts';
import { describeJourney, type McpSession } from '../support/clients/mcp-journey.ts';

class Session implements McpSession {
  readonly #client = new Client({ name: 'journey', version: '1' });
  #transport: StreamableHTTPClientTransport | undefined;
  #version: string | undefined;

  constructor(
    private readonly resource: URL,
    private readonly provider: MemoryProvider,
    private readonly fetch: typeof globalThis.fetch,
  ) {}

  async connect(): Promise<void> {
    const transport = new StreamableHTTPClientTransport(this.resource, {
      authProvider: this.provider,
      fetch: this.fetch,
    });
    this.#transport = transport;
    await this.#client.connect(transport);
    this.#version = transport.protocolVersion;
  }

  async finish(parameters: URLSearchParams): Promise<void> {
    await this.#transport!.finishAuth(parameters.get('code')!);
  }

  protocolVersion(): string | undefined {
    return this.#version;
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
  name: '@modelcontextprotocol/sdk 1.x, protocol 2025-11-25',
  protocolVersion: '2025-11-25',
  firstRequest: { scope: 'boards:read' },
  unauthorized: UnauthorizedError,
  open: (provider, resource, fetch) => new Session(new URL(resource), provider, fetch),
  // It answers the challenge with a refresh, which cannot widen anything, and gives up: the application has to ask for
  // the scopes of the challenge itself.
  stepUp: async (_session, provider, resource, attempt) => {
    await expect(attempt()).rejects.toThrow('403 after trying upscoping');
    provider.invalidateCredentials('tokens');
    expect(await auth(provider, { serverUrl: resource, scope: 'boards:read boards:write' })).toBe('REDIRECT');
  },
});
