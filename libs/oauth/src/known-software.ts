import { classifyClientId } from './client-id.ts';
import { redirectHost } from './redirect-uri.ts';

/** Client software that people will recognise, and what proves that a client is it. */
export interface KnownSoftware {
  readonly id: string;
  readonly name: string;
  readonly publisher: string;
  /** Client id metadata documents: an id that ends with `/` stands for every id that begins with it. */
  readonly clientIds: readonly string[];
  /** Hosts that the publisher alone answers at: a client whose redirects all go there is the publisher's. */
  readonly redirectHosts: readonly string[];
  /** `client_name` as it registers itself. It proves nothing: it is how an admin finds it in a list. */
  readonly claims: readonly string[];
  /** What a server must know about it, in one line each. */
  readonly quirks: readonly string[];
}

/** When the catalogue was last compared with what the publishers document and what has been observed. */
export const KNOWN_SOFTWARE_AS_OF = '2026-11-25';

/**
 * Today's MCP clients. More specific entries come first: Codex and Claude Code share a host with ChatGPT and Claude
 * (OA-21), so there the document's id decides and not the host.
 */
export const KNOWN_SOFTWARE: readonly KnownSoftware[] = [
  {
    id: 'codex',
    name: 'Codex',
    publisher: 'OpenAI',
    clientIds: ['https://chatgpt.com/oauth/codex/'],
    redirectHosts: [],
    claims: ['Codex'],
    quirks: [
      'Sends people back to a loopback address (OA-20).',
      'Refuses answers without iss where it is advertised (OA-11).',
    ],
  },
  {
    id: 'chatgpt',
    name: 'ChatGPT',
    publisher: 'OpenAI',
    clientIds: ['https://chatgpt.com/oauth/'],
    redirectHosts: ['chatgpt.com'],
    claims: ['ChatGPT'],
    quirks: [
      'Has one id and one redirect URI where every answer carries iss, else one for each connection (OA-09, OA-10).',
      'Registers once for each connection and does not register again: never forget a registration in use (DCR-06).',
      'Its assertions name the token endpoint as audience (OA-19).',
    ],
  },
  {
    id: 'claude-code',
    name: 'Claude Code',
    publisher: 'Anthropic',
    clientIds: ['https://claude.ai/oauth/claude-code-client-metadata'],
    redirectHosts: [],
    claims: ['Claude Code'],
    quirks: ['Sends people back to a loopback address, on any port (CLD-03).'],
  },
  {
    id: 'claude',
    name: 'Claude',
    publisher: 'Anthropic',
    clientIds: ['https://claude.ai/oauth/mcp-oauth-client-metadata'],
    redirectHosts: ['claude.ai', 'claude.com'],
    claims: ['Claude', 'claudeai'],
    quirks: [
      'Registers anew with each fresh connection, and after 401 invalid_client (DCR-07, CLD-09).',
      'Uses a metadata document only where the method none is offered (CLD-04).',
      'Does not revoke its tokens when someone disconnects (CLD-10).',
    ],
  },
  {
    id: 'vscode',
    name: 'Visual Studio Code',
    publisher: 'Microsoft',
    clientIds: ['https://vscode.dev/oauth/client-metadata.json'],
    redirectHosts: ['vscode.dev', 'insiders.vscode.dev'],
    claims: ['Visual Studio Code', 'Visual Studio Code - Insiders'],
    quirks: ['Registers loopback addresses beside vscode.dev, so a registration proves nothing.'],
  },
  {
    id: 'cursor',
    name: 'Cursor',
    publisher: 'Anysphere',
    clientIds: ['https://cursor.com/oauth/mcp-client.json'],
    redirectHosts: ['www.cursor.com'],
    claims: ['Cursor'],
    quirks: ['Older versions register the scheme cursor:, which is not allowed here (AS-12).'],
  },
  {
    id: 'grok',
    name: 'Grok',
    publisher: 'xAI',
    clientIds: ['https://grok.com/oauth/mcp-client.json'],
    redirectHosts: ['grok.com'],
    claims: ['Grok'],
    quirks: [],
  },
  {
    id: 'mcp-inspector',
    name: 'MCP Inspector',
    publisher: 'Model Context Protocol',
    clientIds: [],
    redirectHosts: [],
    claims: ['MCP Inspector'],
    quirks: ['Runs on the developer’s machine: a loopback address is all there is to see.'],
  },
  {
    id: 'mcp-remote',
    name: 'mcp-remote',
    publisher: 'npm',
    clientIds: [],
    redirectHosts: [],
    claims: ['MCP CLI Proxy', 'mcp-remote'],
    quirks: ['Runs on the person’s machine for clients that know no remote servers.'],
  },
  {
    id: 'mcp-sdk-example',
    name: 'MCP SDK example client',
    publisher: 'Model Context Protocol',
    clientIds: [],
    redirectHosts: [],
    claims: ['Simple OAuth MCP Client', 'Simple Auth Client'],
    quirks: ['Example code of the SDKs, on a loopback address.'],
  },
];

/**
 * The known software that a client is proven to be: by the host that serves its metadata document, or because every
 * place to which it may send people is the publisher's. A loopback address proves nothing, since any program can listen
 * there, and neither does a name.
 */
export function provenSoftware(clientId: string, redirectUris: readonly string[]): KnownSoftware | undefined {
  if (classifyClientId(clientId) === 'metadata_document') {
    return KNOWN_SOFTWARE.find(({ clientIds }) =>
      clientIds.some((id) => (id.endsWith('/') ? clientId.startsWith(id) : clientId === id)),
    );
  }
  if (redirectUris.length === 0 || !redirectUris.every((uri) => uri.startsWith('https://'))) return undefined;
  const hosts = redirectUris.map(redirectHost);
  return KNOWN_SOFTWARE.find(({ redirectHosts }) => hosts.every((host) => redirectHosts.includes(host)));
}

/** The known software that a client says it is, by its name; for lists, never for trust. */
export function claimedSoftware(clientName: string | undefined): KnownSoftware | undefined {
  const name = clientName?.toLowerCase();
  return KNOWN_SOFTWARE.find(({ claims }) =>
    claims.some((claim) => name === claim.toLowerCase() || name?.startsWith(`${claim.toLowerCase()} (`)),
  );
}
