import { describe, expect, it } from '@jest/globals';
import { clientDisplay } from './client-display.ts';
import { claimedSoftware, KNOWN_SOFTWARE, KNOWN_SOFTWARE_AS_OF, provenSoftware } from './known-software.ts';

const CHATGPT = 'https://chatgpt.com/connector_platform_oauth_redirect';
const CLAUDE = 'https://claude.ai/api/mcp/auth_callback';

describe('known software', () => {
  it.each([
    ['https://chatgpt.com/oauth/client.json', 'chatgpt'],
    ['https://chatgpt.com/oauth/abc123/client.json', 'chatgpt'],
    ['https://chatgpt.com/oauth/codex/client.json', 'codex'],
    ['https://chatgpt.com/oauth/codex/x/client.json', 'codex'],
    ['https://claude.ai/oauth/mcp-oauth-client-metadata', 'claude'],
    ['https://claude.ai/oauth/claude-code-client-metadata', 'claude-code'],
    ['https://vscode.dev/oauth/client-metadata.json', 'vscode'],
    ['https://cursor.com/oauth/mcp-client.json', 'cursor'],
    ['https://grok.com/oauth/mcp-client.json', 'grok'],
  ])('is proven by its metadata document: %s (OA-17, OA-20, OA-21, CLD-03, CLD-14)', (clientId, id) => {
    expect(provenSoftware(clientId, ['http://127.0.0.1/cb'])?.id).toBe(id);
  });

  it.each([
    'https://chatgpt.com/other/client.json',
    'https://chatgpt.com.evil.example/oauth/client.json',
    'https://evil.example/oauth/client.json',
    'https://claude.ai/oauth/mcp-oauth-client-metadata/x',
    'https://chatgpt.com:8443/oauth/client.json',
  ])('is not proven by another document: %s', (clientId) => {
    expect(provenSoftware(clientId, [CHATGPT])).toBeUndefined();
  });

  it.each<[string, string[], string | undefined]>([
    ['all its hosts are the publisher’s', [CHATGPT, 'https://chatgpt.com/connector/oauth/x'], 'chatgpt'],
    ['all its hosts are the publisher’s (CLD-02)', [CLAUDE, 'https://claude.com/api/mcp/auth_callback'], 'claude'],
    ['one is another’s', [CHATGPT, 'https://evil.example/cb'], undefined],
    ['one is of other known software', [CHATGPT, CLAUDE], undefined],
    ['one is a loopback address', ['https://vscode.dev/redirect', 'http://127.0.0.1:33418/'], undefined],
    ['it has none', [], undefined],
    ['the host only looks like it', ['https://chatgpt.com.evil.example/cb'], undefined],
    ['the host has another port', ['https://chatgpt.com:8443/cb'], undefined],
  ])('of a registration: %s', (_what, redirects, id) => {
    expect(provenSoftware('gkd_1', redirects)?.id).toBe(id);
  });

  it('is claimed by a name, in lists', () => {
    expect(claimedSoftware('Claude Code (boards)')?.id).toBe('claude-code');
    expect(claimedSoftware('mcp inspector')?.id).toBe('mcp-inspector');
    expect(claimedSoftware('Claudette')).toBeUndefined();
    expect(claimedSoftware(undefined)).toBeUndefined();
  });

  it('is dated data, each with an id of its own, and hosts that nobody else has', () => {
    expect(KNOWN_SOFTWARE_AS_OF).toMatch(/^\d{4}-\d\d-\d\d$/);
    const ids = KNOWN_SOFTWARE.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const hosts = KNOWN_SOFTWARE.flatMap(({ redirectHosts }) => redirectHosts);
    expect(new Set(hosts).size).toBe(hosts.length);
    expect(hosts.some((host) => ['localhost', '127.0.0.1', '[::1]'].includes(host))).toBe(false);
  });
});

describe('how a client is shown', () => {
  const registered = (metadata: object, kind = 'dynamic', clientId = 'gkd_1') =>
    clientDisplay({ clientId, kind, metadata });

  it('is by the name of known software where that is proven, whatever it calls itself', () => {
    expect(registered({ client_name: 'x', redirect_uris: [CLAUDE] })).toEqual({
      name: 'Claude',
      nameVerified: true,
      software: 'claude',
      publisher: 'Anthropic',
      verifiedHost: null,
      redirectHosts: ['claude.ai'],
    });
  });

  it('is by what a registration says, marked as nothing more (DCR-09)', () => {
    expect(registered({ client_name: 'ChatGPT', redirect_uris: ['https://evil.example/cb'] })).toMatchObject({
      name: 'ChatGPT',
      nameVerified: false,
      software: null,
    });
    expect(registered({ redirect_uris: [] })).toMatchObject({ name: 'gkd_1', nameVerified: false });
  });

  it('is by the name that an admin has given', () => {
    const metadata = { client_name: 'Reports', redirect_uris: [CLAUDE] };
    expect(registered(metadata, 'registered')).toMatchObject({ name: 'Reports', nameVerified: true, software: null });
  });

  it('names the host of a metadata document (CIMD-19)', () => {
    const id = 'https://app.example/client.json';
    expect(registered({ client_name: 'App', redirect_uris: [] }, 'cimd', id)).toMatchObject({
      name: 'App',
      nameVerified: false,
      verifiedHost: 'app.example',
    });
  });

  it('survives whatever was recorded once', () => {
    expect(registered({ redirect_uris: ['no uri', 7], client_name: 7 })).toMatchObject({
      name: 'gkd_1',
      redirectHosts: [],
    });
    expect(clientDisplay({ clientId: 'c', kind: 'dynamic', metadata: null }).name).toBe('c');
  });
});
