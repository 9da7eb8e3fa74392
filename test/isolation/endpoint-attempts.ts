import { basic, newVerifier, type Sent } from '../support/clients/oauth-client.ts';
import type { RunningProduct } from '../support/product.ts';
import type { TenantSide } from '../support/tenant-side.ts';

/** One request by someone who holds all of `theirs`, and knows ids and stolen credentials of `mine`. */
export interface Attempt {
  readonly what: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** The status of the only right answer. */
  readonly answer: number;
}

interface World {
  readonly product: RunningProduct;
  readonly mine: TenantSide;
  readonly theirs: TenantSide;
}

const NOBODY = '00000000-0000-4000-8000-000000000000';

/**
 * How each route of the product is tried, by method and path; HEAD is tried as GET. A route that is not here has not been
 * thought about, and the suite says so.
 */
export function attemptsOf({ product, mine, theirs }: World): Readonly<Record<string, readonly Attempt[]>> {
  const { adminUrl, authUrl, mcpUrl } = product.summary;

  /** An admin route: at my tenant with their credentials, and at their own with what is mine. */
  function admin(
    path: string,
    options: {
      body?: unknown;
      mine?: string;
      own: ReadonlyArray<readonly [what: string, path: string, answer: number, body?: unknown]>;
    },
  ): Attempt[] {
    const send = (
      what: string,
      at: string,
      answer: number,
      authorization: string | undefined,
      body: unknown,
    ): Attempt => ({
      what,
      url: `${adminUrl}/admin/v1/tenants${at}`,
      headers: {
        ...(authorization !== undefined && { authorization }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      answer,
    });
    const [key, token] = [`Bearer ${theirs.adminKey}`, `Bearer ${theirs.tokens.access_token}`];
    const rest = options.mine ?? path;
    return [
      send('their key at my slug', `/${mine.slug}${rest}`, 404, key, options.body),
      send('their key at my id', `/${mine.id}${rest}`, 404, key, options.body),
      send('their access token', `/${mine.slug}${rest}`, 401, token, options.body),
      send('no key', `/${mine.slug}${rest}`, 401, undefined, options.body),
      ...options.own.map(([what, own, answer, body]) =>
        send(`their own, ${what}`, `/${theirs.slug}${own}`, answer, key, body ?? options.body),
      ),
    ];
  }

  const form = (
    what: string,
    url: string,
    answer: number,
    fields: Sent,
    headers: Record<string, string> = {},
  ): Attempt => ({
    what,
    url,
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: new URLSearchParams(
      Object.entries(fields).filter((field): field is [string, string] => typeof field[1] === 'string'),
    ).toString(),
    answer,
  });
  const plain = (what: string, url: string, answer: number, headers: Record<string, string> = {}): Attempt => ({
    what,
    url,
    headers,
    answer,
  });
  const theirCookie = {
    cookie: `gk_session_${mine.slug}=${theirs.session}; gk_session_${theirs.slug}=${theirs.session}`,
  };
  const myCookie = { cookie: `gk_session_${theirs.slug}=${mine.session}` };
  const public200 = (url: string): Attempt[] => [
    plain('it is public', url, 200, { ...theirCookie, authorization: `Bearer ${theirs.tokens.access_token}` }),
  ];

  const codeOf = (side: TenantSide): Sent => ({
    grant_type: 'authorization_code',
    code: side.authorization.code,
    code_verifier: side.authorization.verifier,
    redirect_uri: side.authorization.redirectUri,
  });
  const refreshOf = (side: TenantSide): Sent => ({
    grant_type: 'refresh_token',
    refresh_token: side.tokens.refresh_token,
  });
  const publicly = (side: TenantSide): Sent => ({ client_id: side.client.id });
  const secretly = (side: TenantSide): Sent => ({
    client_id: side.confidential.id,
    client_secret: side.confidential.secret,
  });

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

  const letter = '/dead-letters/row-history.1/1/replay';
  return {
    'GET /admin/v1/tenants': [
      plain('their key', `${adminUrl}/admin/v1/tenants`, 403, { authorization: `Bearer ${theirs.adminKey}` }),
      plain('no key', `${adminUrl}/admin/v1/tenants`, 401),
    ],
    'POST /admin/v1/tenants': [
      {
        what: 'their key, my slug',
        url: `${adminUrl}/admin/v1/tenants`,
        headers: { authorization: `Bearer ${theirs.adminKey}`, 'content-type': 'application/json' },
        body: JSON.stringify({ slug: mine.slug, displayName: 'Taken' }),
        answer: 403,
      },
    ],
    'GET /admin/v1/tenants/:tenant': admin('', { own: [['as it is', '', 200]] }),
    'POST /admin/v1/tenants/:tenant/admin-keys': admin('/admin-keys', {
      body: { name: 'mine now' },
      own: [['my tenant in the body', '/admin-keys', 422, { name: 'x', tenantId: mine.id }]],
    }),
    'POST /admin/v1/tenants/:tenant/users': admin('/users', {
      body: { email: 'intruder@example.org' },
      own: [['my tenant in the body', '/users', 422, { email: 'x@example.org', tenantId: mine.id }]],
    }),
    'GET /admin/v1/tenants/:tenant/users': admin('/users', {
      own: [['after an id before mine', `/users?after=${NOBODY}&limit=500`, 200]],
    }),
    'GET /admin/v1/tenants/:tenant/policy': admin('/policy', {
      own: [
        ['as it is', '/policy', 200],
        ['as it was', '/policy?as_of=5', 200],
      ],
    }),
    'PATCH /admin/v1/tenants/:tenant/policy': admin('/policy', {
      body: { registration: 'open' },
      own: [['my tenant in the body', '/policy', 422, { tenantId: mine.id, registration: 'open' }]],
    }),
    'GET /admin/v1/tenants/:tenant/policy/notification-secret': admin('/policy/notification-secret', {
      own: [['as it is', '/policy/notification-secret', 200]],
    }),
    'GET /admin/v1/tenants/:tenant/grants': admin('/grants', {
      own: [
        ['my person', `/grants?user=${mine.userId}`, 200],
        ['my client', `/grants?client=${mine.client.id}`, 200],
        ['my resource', `/grants?resource=${mine.resourceId}`, 200],
        ['as they were', '/grants?as_of=10&limit=500', 200],
      ],
    }),
    'GET /admin/v1/tenants/:tenant/grants/:grant': admin(`/grants/${mine.grantId}`, {
      own: [
        ['my grant', `/grants/${mine.grantId}`, 404],
        ['my grant as it was', `/grants/${mine.grantId}?as_of=10`, 404],
      ],
    }),
    'GET /admin/v1/tenants/:tenant/grants/:grant/history': admin(`/grants/${mine.grantId}/history`, {
      own: [['my grant', `/grants/${mine.grantId}/history`, 404]],
    }),
    'GET /admin/v1/tenants/:tenant/clients': admin('/clients', {
      own: [
        ['all', '/clients?limit=500', 200],
        ['after mine', `/clients?after=${mine.client.id}`, 200],
        ['as they were', '/clients?limit=500&as_of=10', 200],
      ],
    }),
    'GET /admin/v1/tenants/:tenant/timeline': admin('/timeline', {
      own: [
        ['all', '/timeline?limit=500', 200],
        ['my grant', `/timeline?grant=${mine.grantId}`, 404],
        ['my person', `/timeline?user=${mine.userId}`, 200],
        ['my client', `/timeline?client=${mine.client.id}`, 200],
      ],
    }),
    'GET /admin/v1/tenants/:tenant/search': admin('/search?q=client', {
      own: [
        ['my person’s address', `/search?q=${encodeURIComponent(mine.person.email)}`, 200],
        ['my client’s name', `/search?q=${encodeURIComponent('Client of')}`, 200],
        ['my grant', `/search?q=${mine.grantId}`, 200],
        ['my person', `/search?q=${mine.userId}`, 200],
      ],
    }),
    'GET /admin/v1/tenants/:tenant/events': admin('/events', {
      own: [
        ['all', '/events', 200],
        ['sealed', '/events?personal=sealed', 200],
      ],
    }),
    'GET /admin/v1/tenants/:tenant/revocations': admin('/revocations', {
      own: [['all', '/revocations?limit=500', 200]],
    }),
    'POST /admin/v1/tenants/:tenant/revocations': admin('/revocations', {
      body: { target: { kind: 'grant', grantId: mine.grantId }, reason: 'x' },
      own: [
        ['my grant', '/revocations', 404],
        ['my person', '/revocations', 404, { target: { kind: 'user', userId: mine.userId }, reason: 'x' }],
        ['my client', '/revocations', 404, { target: { kind: 'client', clientId: mine.client.id }, reason: 'x' }],
      ],
    }),
    'GET /admin/v1/tenants/:tenant/projections': admin('/projections', { own: [['all', '/projections', 200]] }),
    'POST /admin/v1/tenants/:tenant/projections/:projection/rebuild': admin('/projections/grant-timeline/rebuild', {
      own: [['one of no tenant', '/projections/nothing/rebuild', 404]],
    }),
    'GET /admin/v1/tenants/:tenant/dead-letters': admin('/dead-letters', {
      own: [['all', '/dead-letters?state=all', 200]],
    }),
    'POST /admin/v1/tenants/:tenant/dead-letters/:consumer/:seq/replay': admin(letter, {
      own: [['one of mine', letter, 404]],
    }),
    'GET /admin/v1/tenants/:tenant/verification': admin('/verification', { own: [['as it is', '/verification', 200]] }),

    'GET /.well-known/oauth-authorization-server/t/:tenant': public200(
      `${authUrl}/.well-known/oauth-authorization-server/t/${mine.slug}`,
    ),
    'GET /.well-known/openid-configuration/t/:tenant': public200(
      `${authUrl}/.well-known/openid-configuration/t/${mine.slug}`,
    ),
    'GET /t/:tenant/.well-known/openid-configuration': public200(`${mine.issuer}/.well-known/openid-configuration`),
    'GET /t/:tenant/jwks': public200(`${mine.issuer}/jwks`),
    'GET /.well-known/oauth-protected-resource': [
      plain('it names no tenant', `${mcpUrl}/.well-known/oauth-protected-resource`, 404),
    ],
    'GET /.well-known/oauth-protected-resource/t/:tenant/mcp': public200(
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
      `${mine.resource}/.well-known/oauth-protected-resource`,
    ),
    'GET /t/:tenant/:resource/mcp/.well-known/oauth-protected-resource': [
      plain(
        'my resource’s id under their tenant',
        `${mcpUrl}/t/${theirs.slug}/${mine.resourceId}/mcp/.well-known/oauth-protected-resource`,
        404,
      ),
    ],
    'GET /assets/pages-{hash}.css': [plain('it is nobody’s', `${authUrl}/assets/pages-none.css`, 404)],
    'GET /health/live': public200(`${adminUrl}/health/live`),
    'GET /health/ready': public200(`${adminUrl}/health/ready`),
    'GET /metrics': public200(`${adminUrl}/metrics`),

    'GET /t/:tenant/authorize': [
      plain('their session: it is asked who it is', mine.client.authorizationUrl(), 200, theirCookie),
      plain('their client at my issuer', theirs.client.at(mine.issuer).authorizationUrl(), 400, theirCookie),
      plain(
        'their resource at my issuer',
        mine.client.authorizationUrl({ resource: theirs.resource }),
        303,
        theirCookie,
      ),
      plain('my session at their issuer: it is asked who it is', theirs.client.authorizationUrl(), 200, myCookie),
      plain('my client at their issuer', mine.client.at(theirs.issuer).authorizationUrl(), 400, theirCookie),
      plain(
        'my resource at their issuer',
        theirs.client.authorizationUrl({ resource: mine.resource }),
        303,
        theirCookie,
      ),
    ],
    // The forms themselves are tried with real seals in the suite.
    'POST /t/:tenant/login': [
      form(
        'their person, no seal',
        `${mine.issuer}/login`,
        400,
        { request: '', csrf: '', email: theirs.person.email, password: theirs.person.password },
        theirCookie,
      ),
    ],
    'POST /t/:tenant/consent': [
      form(
        'their session, no seal',
        `${mine.issuer}/consent`,
        400,
        { request: '', csrf: '', decision: 'approve' },
        theirCookie,
      ),
    ],
    'POST /t/:tenant/switch-account': [
      form('their session, no seal', `${mine.issuer}/switch-account`, 400, { request: '', csrf: '' }, theirCookie),
    ],
    'POST /t/:tenant/register': [
      {
        what: 'their key, where registration is off',
        url: `${mine.issuer}/register`,
        headers: { authorization: `Bearer ${theirs.adminKey}`, 'content-type': 'application/json' },
        body: JSON.stringify({ redirect_uris: ['https://evil.example/'], token_endpoint_auth_method: 'none' }),
        answer: 404,
      },
    ],
    'POST /t/:tenant/token': [
      form('their client and code', `${mine.issuer}/token`, 401, { ...publicly(theirs), ...codeOf(theirs) }),
      form('their client’s secret', `${mine.issuer}/token`, 401, { ...secretly(theirs), ...codeOf(theirs) }),
      form('their client’s secret by Basic', `${mine.issuer}/token`, 401, codeOf(theirs), {
        authorization: basic(theirs.confidential.id, theirs.confidential.secret ?? ''),
      }),
      form('my client, their code', `${mine.issuer}/token`, 400, { ...publicly(mine), ...codeOf(theirs) }),
      form('my client, their refresh token', `${mine.issuer}/token`, 400, { ...publicly(mine), ...refreshOf(theirs) }),
      form('their client, my refresh token', `${mine.issuer}/token`, 401, { ...publicly(theirs), ...refreshOf(mine) }),
      form('at their own, my code', `${theirs.issuer}/token`, 400, { ...publicly(theirs), ...codeOf(mine) }),
      form('at their own, my code and client', `${theirs.issuer}/token`, 401, { ...publicly(mine), ...codeOf(mine) }),
      form('at their own, my refresh token', `${theirs.issuer}/token`, 400, {
        ...publicly(theirs),
        ...refreshOf(mine),
      }),
      form('at their own, my refresh token and client', `${theirs.issuer}/token`, 400, {
        ...publicly(mine),
        ...refreshOf(mine),
      }),
      form('at their own, my resource', `${theirs.issuer}/token`, 400, {
        ...publicly(theirs),
        ...refreshOf(theirs),
        resource: mine.resource,
      }),
      form('at their own, a code that is none', `${theirs.issuer}/token`, 400, {
        ...publicly(theirs),
        ...codeOf(theirs),
        code: `gkc_${newVerifier()}`,
      }),
    ],
    // RFC 7009 §2.2: a token that is not this client's is answered as if it had been revoked.
    'POST /t/:tenant/revoke': [
      form('their client and token', `${mine.issuer}/revoke`, 401, {
        ...publicly(theirs),
        token: theirs.tokens.refresh_token,
      }),
      form('their client, my token', `${mine.issuer}/revoke`, 401, {
        ...publicly(theirs),
        token: mine.tokens.refresh_token,
      }),
      form('my client, their token', `${mine.issuer}/revoke`, 200, {
        ...publicly(mine),
        token: theirs.tokens.refresh_token,
      }),
      form('at their own, my refresh token', `${theirs.issuer}/revoke`, 200, {
        ...publicly(theirs),
        token: mine.tokens.refresh_token,
      }),
      form('at their own, my access token', `${theirs.issuer}/revoke`, 200, {
        ...publicly(theirs),
        token: mine.tokens.access_token,
      }),
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
