import { type Attempt, type Attempts, plain, public200, type World } from './attempt.ts';

/** The MCP servers of each tenant, and what they say of themselves. */
export function mcpAttempts(world: World): Attempts {
  const { product, mine, theirs } = world;
  const { mcpUrl } = product.summary;

  const tool = (what: string, url: string, answer: number, token?: string): Attempt => ({
    what,
    url,
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'list_boards', arguments: {} },
    }),
    answer,
  });
  const withoutBody = ({ body: _body, headers, ...attempt }: Attempt): Attempt => ({
    ...attempt,
    headers: Object.fromEntries(Object.entries(headers ?? {}).filter(([name]) => name !== 'content-type')),
  });
  const mcp = (own: number): Attempt[] => [
    tool('their access token', mine.resource, 401, theirs.tokens.access_token),
    tool('their refresh token', mine.resource, 401, theirs.tokens.refresh_token),
    tool('their admin key', mine.resource, 401, theirs.adminKey),
    tool('no token', mine.resource, 401),
    tool('at their own, my access token', theirs.resource, 401, mine.tokens.access_token),
    tool('at their own, their access token', theirs.resource, own, theirs.tokens.access_token),
  ];
  const otherMcp: Attempt[] = [
    tool('their access token', `${mcpUrl}/t/${mine.slug}/crm/mcp`, 404, theirs.tokens.access_token),
    tool('my resource’s id', `${mcpUrl}/t/${theirs.slug}/${mine.resourceId}/mcp`, 404, theirs.tokens.access_token),
  ];
  const preflight = (url: string, answer: number): Attempt[] => [
    plain('a page of any origin', url, answer, {
      origin: 'https://evil.example',
      'access-control-request-method': 'POST',
      authorization: `Bearer ${theirs.tokens.access_token}`,
    }),
  ];

  return {
    'GET /.well-known/oauth-protected-resource': [
      plain('it names no tenant', `${mcpUrl}/.well-known/oauth-protected-resource`, 404),
    ],
    'GET /.well-known/oauth-protected-resource/t/:tenant/mcp': public200(
      world,
      `${mcpUrl}/.well-known/oauth-protected-resource/t/${mine.slug}/mcp`,
    ),
    'GET /.well-known/oauth-protected-resource/t/:tenant/:resource/mcp': [
      plain(
        'my resource’s id under their tenant',
        `${mcpUrl}/.well-known/oauth-protected-resource/t/${theirs.slug}/${mine.resourceId}/mcp`,
        404,
      ),
    ],
    'GET /t/:tenant/mcp/.well-known/oauth-protected-resource': public200(
      world,
      `${mine.resource}/.well-known/oauth-protected-resource`,
    ),
    'GET /t/:tenant/:resource/mcp/.well-known/oauth-protected-resource': [
      plain(
        'my resource’s id under their tenant',
        `${mcpUrl}/t/${theirs.slug}/${mine.resourceId}/mcp/.well-known/oauth-protected-resource`,
        404,
      ),
    ],

    'POST /t/:tenant/mcp': mcp(200),
    'GET /t/:tenant/mcp': mcp(405).map(withoutBody),
    'DELETE /t/:tenant/mcp': mcp(405).map(withoutBody),
    'POST /t/:tenant/:resource/mcp': otherMcp,
    'GET /t/:tenant/:resource/mcp': otherMcp.map(withoutBody),
    'DELETE /t/:tenant/:resource/mcp': otherMcp.map(withoutBody),
    'OPTIONS /t/:tenant/mcp': preflight(mine.resource, 403),
    'OPTIONS /t/:tenant/:resource/mcp': preflight(`${mcpUrl}/t/${mine.slug}/crm/mcp`, 403),
    'OPTIONS /.well-known/oauth-protected-resource': preflight(`${mcpUrl}/.well-known/oauth-protected-resource`, 204),
    'OPTIONS /.well-known/oauth-protected-resource/t/:tenant/mcp': preflight(
      `${mcpUrl}/.well-known/oauth-protected-resource/t/${mine.slug}/mcp`,
      204,
    ),
    'OPTIONS /.well-known/oauth-protected-resource/t/:tenant/:resource/mcp': preflight(
      `${mcpUrl}/.well-known/oauth-protected-resource/t/${mine.slug}/crm/mcp`,
      204,
    ),
    'OPTIONS /t/:tenant/mcp/.well-known/oauth-protected-resource': preflight(
      `${mine.resource}/.well-known/oauth-protected-resource`,
      204,
    ),
    'OPTIONS /t/:tenant/:resource/mcp/.well-known/oauth-protected-resource': preflight(
      `${mcpUrl}/t/${mine.slug}/crm/mcp/.well-known/oauth-protected-resource`,
      204,
    ),
  };
}
