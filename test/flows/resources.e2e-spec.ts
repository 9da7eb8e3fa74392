import { randomUUID } from 'node:crypto';
import { decodeProtectedHeader } from 'jose';
import { callAdmin, eventsOf, expectProblem } from '../support/clients/admin.ts';
import { claimsOf, OAuthClient } from '../support/clients/oauth-client.ts';
import { Person } from '../support/clients/person.ts';
import { callTool } from '../support/clients/tool-call.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';
import { until } from '../support/until.ts';

const scopes = [{ name: 'tickets:read', description: 'See your tickets', risky: false, default: true }];
const URL_OF_TEAM = 'https://tickets.example/mcp';

describe('resources of the tenant’s own', () => {
  let product: RunningProduct;

  beforeAll(async () => {
    product = await startProduct();
  }, 60_000);

  afterAll(async () => {
    await product?.stop();
  });

  const add = async (body: object) =>
    callAdmin(product, product.summary.adminKey, 'POST', '/tenants/acme/resources', body);
  const whenUnreachableAt = async (credential: string): Promise<unknown> => {
    const answer = await fetch(`${product.summary.adminUrl}/feed/v1/lease`, {
      method: 'POST',
      headers: { authorization: `Bearer ${credential}`, 'content-type': 'application/json' },
      body: JSON.stringify({ instance: randomUUID(), epoch: 1, applied: 0 }),
    });
    return ((await answer.json()) as { resource: unknown }).resource;
  };

  it('have tokens of their own, in the algorithm that they ask for', async () => {
    const { demo } = product.summary;
    const added = await add({ url: 'https://Tickets.example/mcp/', displayName: 'Tickets', scopes });
    expect([added.status, added.body]).toMatchObject([
      201,
      { url: URL_OF_TEAM, kind: 'external', signingAlg: 'RS256', isDefault: false, whenUnreachable: 'refuse' },
    ]);
    const client = await OAuthClient.register(demo.issuer);
    const { access_token: token } = await client.link(new Person(demo.user.email, demo.user.password), {
      resource: URL_OF_TEAM,
      scope: 'tickets:read',
    });
    expect(claimsOf(token)).toMatchObject({ aud: URL_OF_TEAM, scope: 'tickets:read' });
    expect(decodeProtectedHeader(token).alg).toBe('RS256');
    // And they are for nothing else.
    expect((await callTool(demo.resource, token)).status).toBe(401);
    const { body } = await callAdmin(product, product.summary.adminKey, 'GET', '/tenants/acme/resources');
    expect((body as { resources: { url: string }[] }).resources.map(({ url }) => url)).toEqual([
      demo.resource,
      URL_OF_TEAM,
    ]);
  });

  it('are told to the points of a resource, with what they do when nobody can be asked', async () => {
    const { body } = await add({ url: 'https://degrading.example', displayName: 'Degrading', scopes });
    const { id } = body as { id: string };
    const path = '/tenants/acme/enforcement-points';
    const point = (await callAdmin(product, product.summary.adminKey, 'POST', path, { name: 'point', resource: id }))
      .body as {
      credential: string;
    };
    expect(await whenUnreachableAt(point.credential)).toEqual({
      url: 'https://degrading.example',
      displayName: 'Degrading',
      whenUnreachable: 'refuse',
      defaultScopes: ['tickets:read'],
      scopes: ['tickets:read'],
    });
    for (let twice = 0; twice < 2; twice += 1) {
      const changed = await callAdmin(product, product.summary.adminKey, 'PATCH', `/tenants/acme/resources/${id}`, {
        whenUnreachable: 'degrade_until_expiry',
      });
      expect([changed.status, changed.body]).toMatchObject([200, { whenUnreachable: 'degrade_until_expiry' }]);
    }
    await until(async () => JSON.stringify(await whenUnreachableAt(point.credential)).includes('degrade_until_expiry'));
    const events = (await eventsOf(product)).filter(({ type }) => type === 'ResourceFailurePolicySet');
    expect(events.map(({ payload }) => payload)).toEqual([{ resourceId: id, whenUnreachable: 'degrade_until_expiry' }]);
  });

  it.each([
    ['http://tickets.example/mcp'],
    ['https://tickets.example/mcp?x=1'],
    ['https://tickets.example/mcp#x'],
    ['https://u:p@tickets.example/mcp'],
    ['tickets'],
  ])('are not added under %s', async (url) => {
    expect(await add({ url, displayName: 'Tickets', scopes })).toMatchObject({ status: 422, body: { field: 'url' } });
  });

  it('are not added twice, nor under a URL of the deployment', async () => {
    await expectProblem(add({ url: URL_OF_TEAM, displayName: 'x', scopes }), 409, 'resource.url_taken', 'url');
    const reserved = `${product.summary.mcpUrl}/t/other/mcp`;
    await expectProblem(add({ url: reserved, displayName: 'x', scopes }), 409, 'resource.url_reserved', 'url');
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => add({ url: 'https://raced.example', displayName: 'Raced', scopes })),
    );
    expect(answers.map(({ status }) => String(status)).sort()).toEqual(['201', '409', '409', '409', '409']);
  });

  it('leave hosted servers refusing', async () => {
    const { body } = await callAdmin(product, product.summary.adminKey, 'GET', '/tenants/acme/resources');
    const hosted = (body as { resources: { id: string; kind: string }[] }).resources.find(
      ({ kind }) => kind === 'hosted',
    );
    const path = `/tenants/acme/resources/${hosted?.id}`;
    const change = { whenUnreachable: 'degrade_until_expiry' };
    await expectProblem(callAdmin(product, product.summary.adminKey, 'PATCH', path, change), 409, 'resource.hosted');
    const nobody = `/tenants/acme/resources/${randomUUID()}`;
    await expectProblem(
      callAdmin(product, product.summary.adminKey, 'PATCH', nobody, change),
      404,
      'resource.not_found',
    );
  });
});
