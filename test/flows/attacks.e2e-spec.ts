import pg from 'pg';
import { grantsOf } from '../support/clients/admin.ts';
import { OAuthClient } from '../support/clients/oauth-client.ts';
import { Person } from '../support/clients/person.ts';
import { callTool } from '../support/clients/tool-call.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';
import { until } from '../support/until.ts';

describe('an attacker', () => {
  let product: RunningProduct;
  let database: pg.Client;
  let person: Person;

  beforeAll(async () => {
    product = await startProduct();
    database = new pg.Client({ connectionString: product.databaseUrl });
    await database.connect();
    const { email, password } = product.summary.demo.user;
    person = new Person(email, password);
  }, 60_000);

  afterAll(async () => {
    await database?.end();
    await product?.stop();
  });

  async function newClient(): Promise<OAuthClient> {
    return OAuthClient.register(product.summary.demo.issuer);
  }

  describe('with a token that allows little', () => {
    /** What the activity of a client says, oldest first. */
    async function activityOf(client: OAuthClient): Promise<Array<{ what: string; tool: string }>> {
      const { rows } = await database.query<{ what: string; tool: string }>(
        `SELECT what, detail->>'tool' AS tool FROM activity WHERE client_id = $1 AND what IN ('tool.called', 'call.denied') ORDER BY at`,
        [client.id],
      );
      return rows;
    }

    async function eventually(client: OAuthClient, wanted: { what: string; tool: string }): Promise<void> {
      for (const deadline = Date.now() + 15_000; Date.now() < deadline;) {
        if ((await activityOf(client)).some(({ what, tool }) => what === wanted.what && tool === wanted.tool)) return;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      throw new Error(
        `There is no ${wanted.what} ${wanted.tool}: ${JSON.stringify((await activityOf(client)).slice(0, 5))}`,
      );
    }

    /** Sends calls of these tools in one request. */
    async function callAll(accessToken: string, tools: readonly string[]): Promise<number> {
      const response = await fetch(product.summary.demo.resource, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${accessToken}`,
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
        },
        body: JSON.stringify(tools.map((name, id) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name } }))),
      });
      await response.arrayBuffer();
      return response.status;
    }

    it('cannot keep its own calls, and those of others, out of the activity by a name that no row can hold', async () => {
      const client = await newClient();
      const { access_token: token } = await client.link(person, { scope: 'boards:read' });
      expect(await callAll(token, ['create_board', 'poison\u0000'])).toBe(403);
      expect((await callTool(product.summary.demo.resource, token)).status).toBe(200);
      await eventually(client, { what: 'tool.called', tool: 'list_boards' });
      expect(await activityOf(client)).toEqual([
        { what: 'call.denied', tool: 'create_board' },
        { what: 'tool.called', tool: 'list_boards' },
      ]);
    });

    it('cannot flood the activity, whose room all tenants share, by one refused request', async () => {
      const client = await newClient();
      const { access_token: token } = await client.link(person, { scope: 'boards:read' });
      expect(
        await callAll(
          token,
          Array.from({ length: 12_000 }, () => 'create_board'),
        ),
      ).toBe(403);
      expect((await callTool(product.summary.demo.resource, token)).status).toBe(200);
      await eventually(client, { what: 'tool.called', tool: 'list_boards' });
      expect(await activityOf(client)).toHaveLength(2);
    });
  });

  it('does not outlive a revocation whose id an admin wrote in capitals', async () => {
    const client = await newClient();
    const { access_token: token } = await client.link(person);
    const [grant] = await grantsOf(product, `?client=${client.id}`);
    const revoke = (userId: string) =>
      product.admin('POST', '/tenants/acme/revocations', { target: { kind: 'user', userId }, reason: 'left' });
    expect(await revoke(grant!.user.id.toUpperCase())).toMatchObject({
      status: 200,
      body: { changed: true, target: { userId: grant!.user.id } },
    });
    await until(async () => (await callTool(product.summary.demo.resource, token)).status === 401);
  });
});
