import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { grantsOf } from '../support/clients/admin.ts';
import { commandOf, runClient } from '../support/clients/command.ts';
import { OAuthClient } from '../support/clients/oauth-client.ts';
import { Person } from '../support/clients/person.ts';
import { DocumentServer } from '../support/document-server.ts';
import { freePort, type RunningProduct, startProduct } from '../support/product.ts';

const TOOLS = ['list_boards', 'get_board', 'create_board'];

describe('programs that people run', () => {
  let product: RunningProduct;
  let person: Person;
  let issuer: string;
  let resource: string;
  let documents: DocumentServer;
  let distrust: () => void;

  beforeAll(async () => {
    documents = await DocumentServer.start();
    distrust = documents.trusted();
    product = await startProduct({ OUTBOUND_ALLOW_LOOPBACK: 'true' });
    const { demo } = product.summary;
    person = new Person(demo.user.email, demo.user.password);
    ({ issuer, resource } = demo);
  }, 60_000);

  afterAll(async () => {
    distrust?.();
    await product?.stop();
    await documents?.stop();
  });

  describe('the command line of the MCP Inspector', () => {
    async function inspect(...args: string[]) {
      const callback = `http://127.0.0.1:${await freePort()}/oauth/callback`;
      const common = ['--cli', resource, '--transport', 'http', '--callback-url', callback, '--format', 'json'];
      // It asks a person only where it believes that there is one.
      return runClient(commandOf('@modelcontextprotocol/inspector', 'mcp-inspector'), [...common, ...args], person, {
        env: { MCP_AUTO_OPEN_ENABLED: 'true' },
      });
    }

    it.each(['legacy', 'modern'])('registers, links and lists the tools, %s era', async (era) => {
      const { code, output } = await inspect('--protocol-era', era, '--method', 'tools/list');
      for (const tool of TOOLS) expect(output).toContain(`"name":"${tool}"`);
      expect(code).toBe(0);
    });

    it('calls a tool', async () => {
      const { code, output } = await inspect('--method', 'tools/call', '--tool-name', 'list_boards');
      expect(output).toMatch(/"boards":\s*\[/);
      expect(code).toBe(0);
    });

    it.each([
      ['a public client', 'none'],
      ['a client with a secret', 'client_secret_post'],
    ])('links as %s that was registered before', async (_what, method) => {
      const client = await OAuthClient.register(issuer, {
        client_name: `Inspector with ${method}`,
        redirect_uris: ['http://127.0.0.1:6276/oauth/callback'],
        token_endpoint_auth_method: method,
      });
      const secret = client.secret ? ['--client-secret', client.secret] : [];
      const { code, output } = await inspect('--client-id', client.id, ...secret, '--method', 'tools/list');
      for (const tool of TOOLS) expect(output).toContain(`"name":"${tool}"`);
      expect(code).toBe(0);
      expect((await grantsOf(product)).filter((grant) => grant.client.id === client.id)).toHaveLength(1);
    });
  });

  it('the MCP Inspector identifies itself by a document, on any port of this machine, and registers nowhere (CIMD-01)', async () => {
    const url = documents.putClient('/inspector.json', {
      client_name: 'Inspector by document',
      redirect_uris: ['http://127.0.0.1/oauth/callback'],
    });
    const args = ['--cli', resource, '--transport', 'http', '--format', 'json', '--client-metadata-url', url];
    const callback = ['--callback-url', `http://127.0.0.1:${await freePort()}/oauth/callback`];
    const { code, output } = await runClient(
      commandOf('@modelcontextprotocol/inspector', 'mcp-inspector'),
      [...args, ...callback, '--method', 'tools/list'],
      person,
      { env: { MCP_AUTO_OPEN_ENABLED: 'true' } },
    );
    for (const tool of TOOLS) expect(output).toContain(`"name":"${tool}"`);
    expect(code).toBe(0);
    expect(documents.count('/inspector.json')).toBe(1);
    expect((await grantsOf(product)).filter(({ client }) => client.id === url)).toMatchObject([
      { client: { id: url, kind: 'cimd' } },
    ]);
  });

  describe('mcp-remote', () => {
    let home: string;
    // It registers anew when it listens elsewhere.
    let port: number;

    beforeEach(async () => {
      home = await mkdtemp(join(tmpdir(), 'grantkeeper-mcp-remote-'));
      port = await freePort();
    });

    afterEach(async () => {
      await rm(home, { recursive: true, force: true });
    });

    async function remote(...args: string[]): Promise<string> {
      const command = commandOf('mcp-remote', 'mcp-remote-client');
      const given = [resource, String(port), ...args];
      return (await runClient(command, given, person, { home, until: /"create_board"[\s\S]*\n\}/ })).output;
    }

    it('registers, links and lists the tools, and needs nobody the second time', async () => {
      const before = (await grantsOf(product)).length;
      const first = await remote();
      expect(first).toContain('Please authorize this client');
      for (const tool of TOOLS) expect(first).toContain(`"name": "${tool}"`);
      expect(await grantsOf(product)).toHaveLength(before + 1);

      const second = await remote();
      expect(second).not.toContain('Please authorize this client');
      for (const tool of TOOLS) expect(second).toContain(`"name": "${tool}"`);
      expect(await grantsOf(product)).toHaveLength(before + 1);
    });

    it('identifies itself by a document, registers nowhere, and needs nobody the second time (CIMD-01)', async () => {
      const url = documents.putClient('/mcp-remote.json', {
        client_name: 'mcp-remote by document',
        redirect_uris: ['http://localhost/oauth/callback', 'http://127.0.0.1/oauth/callback'],
      });
      const first = await remote('--client-metadata-url', url);
      for (const tool of TOOLS) expect(first).toContain(`"name": "${tool}"`);
      const second = await remote('--client-metadata-url', url);
      expect(second).not.toContain('Please authorize this client');
      for (const tool of TOOLS) expect(second).toContain(`"name": "${tool}"`);
      expect(documents.count('/mcp-remote.json')).toBe(1);
      expect((await grantsOf(product)).filter(({ client }) => client.id === url)).toMatchObject([
        { client: { id: url, kind: 'cimd' }, installations: 1 },
      ]);
    });

    it('is asked for again after its link was revoked, with the same registration', async () => {
      await remote();
      const [grant] = await grantsOf(product, '?status=active');
      await product.admin('POST', '/tenants/acme/revocations', {
        target: { kind: 'grant', grantId: grant?.id },
        reason: 'The laptop was stolen',
      });
      const again = await remote();
      expect(again).toContain('Please authorize this client');
      for (const tool of TOOLS) expect(again).toContain(`"name": "${tool}"`);
      const [renewed] = await grantsOf(product, '?status=active');
      expect(renewed?.client.id).toBe(grant?.client.id);
      expect(renewed?.id).not.toBe(grant?.id);
    });

    it('links as a client that was registered before', async () => {
      const client = await OAuthClient.register(issuer, {
        client_name: 'mcp-remote, registered before',
        redirect_uris: ['http://localhost:3334/oauth/callback'],
      });
      const output = await remote('--static-oauth-client-info', JSON.stringify({ client_id: client.id }));
      for (const tool of TOOLS) expect(output).toContain(`"name": "${tool}"`);
      expect((await grantsOf(product)).filter((grant) => grant.client.id === client.id)).toHaveLength(1);
    });
  });
});
