import { adminRoute } from './admin-route.ts';
import type { Attempts, World } from './attempt.ts';

/** Routes of the admin API about cuts. */
export function cutAttempts(world: World): Attempts {
  const { mine } = world;
  const admin = adminRoute(world);
  return {
    'POST /admin/v1/tenants/:tenant/cuts/preview': admin('/cuts/preview', {
      body: { where: { grantedBefore: '2099-01-01T00:00:00Z' } },
      own: [
        ['everything', '/cuts/preview', 200],
        ['my person', '/cuts/preview', 200, { where: { userId: mine.userId } }],
        ['my client', '/cuts/preview', 200, { where: { clientId: mine.client.id } }],
        ['my resource', '/cuts/preview', 200, { where: { resourceId: mine.resourceId } }],
        ['any network', '/cuts/preview', 200, { where: { network: '127.0.0.0/8' } }],
      ],
    }),
    'POST /admin/v1/tenants/:tenant/cuts': admin('/cuts', {
      body: { preview: mine.cutId, act: 'revoke', reason: 'x' },
      own: [['my preview', '/cuts', 404]],
    }),
    'GET /admin/v1/tenants/:tenant/cuts': admin('/cuts', { own: [['all', '/cuts?limit=500', 200]] }),
    'GET /admin/v1/tenants/:tenant/cuts/:cut': admin(`/cuts/${mine.cutId}`, {
      own: [['my cut', `/cuts/${mine.cutId}`, 404]],
    }),
    'GET /admin/v1/tenants/:tenant/cuts/:cut/links': admin(`/cuts/${mine.cutId}/links`, {
      own: [['my list', `/cuts/${mine.cutId}/links`, 404]],
    }),
    ...Object.fromEntries(
      ['approval', 'refusal', 'undo'].map((what) => [
        `POST /admin/v1/tenants/:tenant/cuts/:cut/${what}`,
        admin(`/cuts/${mine.cutId}/${what}`, { body: {}, own: [['my cut', `/cuts/${mine.cutId}/${what}`, 404]] }),
      ]),
    ),
  };
}
