import { adminRoute } from './admin-route.ts';
import { type Attempts, plain, type World } from './attempt.ts';
import { endingAttempts } from './ending-attempts.ts';

const SCOPE = { name: 'mine:read', description: 'Read', risky: false, default: true };
const NOBODY = '00000000-0000-4000-8000-000000000000';

/** The admin API, with a tenant's key and without. */
export function adminAttempts(world: World): Attempts {
  const { product, mine, theirs } = world;
  const { adminUrl } = product.summary;

  const admin = adminRoute(world);
  const letter = '/dead-letters/row-history.1/1/replay';
  return {
    ...endingAttempts(world),
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
    'GET /admin/v1/tenants/:tenant/admin-keys': admin('/admin-keys', { own: [['all', '/admin-keys', 200]] }),
    'DELETE /admin/v1/tenants/:tenant/admin-keys/:key': admin(`/admin-keys/${mine.adminKeyId}`, {
      own: [['my key', `/admin-keys/${mine.adminKeyId}`, 404]],
    }),
    'POST /admin/v1/tenants/:tenant/admin-keys': admin('/admin-keys', {
      body: { name: 'mine now' },
      own: [['my tenant in the body', '/admin-keys', 422, { name: 'x', tenantId: mine.id }]],
    }),
    'POST /admin/v1/tenants/:tenant/resources': admin('/resources', {
      body: { url: 'https://mine.example/mcp', displayName: 'Mine', scopes: [SCOPE] },
      own: [
        [
          'the URL of my hosted server',
          '/resources',
          409,
          { url: mine.resource, displayName: 'Mine', scopes: [SCOPE] },
        ],
      ],
    }),
    'GET /admin/v1/tenants/:tenant/resources': admin('/resources', {
      own: [['after an id before mine', `/resources?after=${NOBODY}&limit=500`, 200]],
    }),
    'PATCH /admin/v1/tenants/:tenant/resources/:resource': admin(`/resources/${mine.resourceId}`, {
      body: { whenUnreachable: 'degrade_until_expiry' },
      own: [['my resource', `/resources/${mine.resourceId}`, 404]],
    }),
    'POST /admin/v1/tenants/:tenant/enforcement-points': admin('/enforcement-points', {
      body: { name: 'mine now' },
      own: [['my resource', '/enforcement-points', 404, { name: 'x', resource: mine.resourceId }]],
    }),
    'GET /admin/v1/tenants/:tenant/enforcement-points': admin('/enforcement-points', {
      own: [['after an id before mine', `/enforcement-points?after=${NOBODY}&limit=500`, 200]],
    }),
    'POST /admin/v1/tenants/:tenant/enforcement-points/:point/credentials': admin(
      `/enforcement-points/${mine.point.id}/credentials`,
      { body: {}, own: [['my enforcement point', `/enforcement-points/${mine.point.id}/credentials`, 404]] },
    ),
    'DELETE /admin/v1/tenants/:tenant/enforcement-points/:point': admin(`/enforcement-points/${mine.point.id}`, {
      own: [['my enforcement point', `/enforcement-points/${mine.point.id}`, 404]],
    }),
    'POST /admin/v1/tenants/:tenant/users': admin('/users', {
      body: { email: 'intruder@example.org' },
      own: [['my tenant in the body', '/users', 422, { email: 'x@example.org', tenantId: mine.id }]],
    }),
    'GET /admin/v1/tenants/:tenant/users': admin('/users', {
      own: [['after an id before mine', `/users?after=${NOBODY}&limit=500`, 200]],
    }),
    'GET /admin/v1/tenants/:tenant/users/:user': admin(`/users/${mine.userId}`, {
      own: [['my person', `/users/${mine.userId}`, 404]],
    }),
    'PATCH /admin/v1/tenants/:tenant/users/:user': admin(`/users/${mine.userId}`, {
      body: { emailVerified: true },
      own: [['my person', `/users/${mine.userId}`, 404]],
    }),
    'DELETE /admin/v1/tenants/:tenant/users/:user/sessions': admin(`/users/${mine.userId}/sessions`, {
      own: [['my person', `/users/${mine.userId}/sessions`, 404]],
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
    'GET /admin/v1/tenants/:tenant/clients/:client/token-policy': admin(`/clients/${mine.client.id}/token-policy`, {
      own: [['my client', `/clients/${mine.client.id}/token-policy`, 200]],
    }),
    'PUT /admin/v1/tenants/:tenant/clients/:client/token-policy': admin(`/clients/${mine.client.id}/token-policy`, {
      body: { refreshGraceSeconds: 300 },
      own: [['my client', `/clients/${mine.client.id}/token-policy`, 404]],
    }),
    'POST /admin/v1/tenants/:tenant/client-grants': admin('/client-grants', {
      body: { clientId: mine.confidential.id, scopes: ['boards:read'] },
      own: [
        ['my client', '/client-grants', 404],
        [
          'my resource',
          '/client-grants',
          404,
          { clientId: theirs.confidential.id, resourceId: mine.resourceId, scopes: ['boards:read'] },
        ],
      ],
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
    'POST /admin/v1/tenants/:tenant/clients': admin('/clients', {
      body: { metadata: { redirect_uris: ['https://evil.example/cb'] } },
      own: [['my tenant in the body', '/clients', 422, { tenantId: mine.id, metadata: {} }]],
    }),
    'GET /admin/v1/tenants/:tenant/clients/:client': admin(`/clients/${mine.client.id}`, {
      own: [['my client', `/clients/${mine.client.id}`, 404]],
    }),
    'GET /admin/v1/tenants/:tenant/clients/:client/versions': admin(`/clients/${mine.client.id}/versions`, {
      own: [['my client', `/clients/${mine.client.id}/versions`, 404]],
    }),
    'PATCH /admin/v1/tenants/:tenant/clients/:client': admin(`/clients/${mine.client.id}`, {
      body: { metadata: { redirect_uris: ['https://evil.example/cb'] } },
      own: [['my client', `/clients/${mine.client.id}`, 404]],
    }),
    'DELETE /admin/v1/tenants/:tenant/clients/:client': admin(`/clients/${mine.client.id}`, {
      own: [['my client', `/clients/${mine.client.id}`, 404]],
    }),
    'POST /admin/v1/tenants/:tenant/clients/:client/secret': admin(`/clients/${mine.confidential.id}/secret`, {
      body: { overlapSeconds: 0 },
      own: [['my client', `/clients/${mine.confidential.id}/secret`, 404]],
    }),
    'GET /admin/v1/tenants/:tenant/client-software': admin('/client-software', {
      own: [['all', '/client-software?limit=500', 200]],
    }),
    'GET /admin/v1/tenants/:tenant/client-rules': admin('/client-rules', { own: [['all', '/client-rules', 200]] }),
    'PUT /admin/v1/tenants/:tenant/client-rules/:subject': admin(`/client-rules/client:${mine.client.id}`, {
      body: { effect: 'block' },
      own: [['what no rule can be about', '/client-rules/nothing', 422]],
    }),
    'DELETE /admin/v1/tenants/:tenant/client-rules/:subject': admin(`/client-rules/host:${mine.slug}.blocked.example`, {
      own: [['a rule of mine', `/client-rules/host:${mine.slug}.blocked.example`, 404]],
    }),
    'GET /admin/v1/tenants/:tenant/client-requests': admin('/client-requests', {
      own: [['all', '/client-requests?state=all&limit=500', 200]],
    }),
    'POST /admin/v1/tenants/:tenant/client-requests/:request/approval': admin(
      `/client-requests/${mine.requestId}/approval`,
      {
        body: { metadataDigest: 'd' },
        own: [['a request of mine', `/client-requests/${mine.requestId}/approval`, 404]],
      },
    ),
    'POST /admin/v1/tenants/:tenant/client-requests/:request/refusal': admin(
      `/client-requests/${mine.requestId}/refusal`,
      {
        body: { block: true },
        own: [['a request of mine', `/client-requests/${mine.requestId}/refusal`, 404]],
      },
    ),
    'POST /admin/v1/tenants/:tenant/initial-access-tokens': admin('/initial-access-tokens', {
      body: { name: 'mine now' },
      own: [['my tenant in the body', '/initial-access-tokens', 422, { name: 'x', tenantId: mine.id }]],
    }),
    'GET /admin/v1/tenants/:tenant/initial-access-tokens': admin('/initial-access-tokens', {
      own: [['all', '/initial-access-tokens', 200]],
    }),
    'DELETE /admin/v1/tenants/:tenant/initial-access-tokens/:token': admin(
      `/initial-access-tokens/${mine.initialTokenId}`,
      { own: [['a token of mine', `/initial-access-tokens/${mine.initialTokenId}`, 404]] },
    ),
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
    'GET /admin/v1/tenants/:tenant/admin-consents': admin('/admin-consents', {
      own: [['all', '/admin-consents', 200]],
    }),
    'POST /admin/v1/tenants/:tenant/admin-consents': admin('/admin-consents', {
      body: { clientId: mine.client.id, scopes: ['boards:read'] },
      own: [
        ['my client', '/admin-consents', 404],
        [
          'my resource',
          '/admin-consents',
          404,
          { clientId: theirs.client.id, resourceId: mine.resourceId, scopes: ['boards:read'] },
        ],
      ],
    }),
    'POST /admin/v1/tenants/:tenant/admin-consents/:consent/withdrawal': admin(
      `/admin-consents/${mine.grantId}/withdrawal`,
      { body: { reason: 'x' }, own: [['one that is not theirs', `/admin-consents/${mine.grantId}/withdrawal`, 404]] },
    ),
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
  };
}
