import { adminRoute } from './admin-route.ts';
import type { Attempts, World } from './attempt.ts';
import { cutAttempts } from './cut-attempts.ts';

const NOBODY = '00000000-0000-4000-8000-000000000000';

/** Routes of the admin API that end, suspend and resume access. */
export function endingAttempts(world: World): Attempts {
  const { mine, theirs } = world;
  const admin = adminRoute(world);
  return {
    ...cutAttempts(world),
    'GET /admin/v1/tenants/:tenant/revocations': admin('/revocations', {
      own: [['all', '/revocations?limit=500', 200]],
    }),
    'POST /admin/v1/tenants/:tenant/revocations': admin('/revocations', {
      body: { target: { kind: 'grant', grantId: mine.grantId }, reason: 'x' },
      own: [
        ['my grant', '/revocations', 404],
        ['my person', '/revocations', 404, { target: { kind: 'user', userId: mine.userId }, reason: 'x' }],
        ['my client', '/revocations', 404, { target: { kind: 'client', clientId: mine.client.id }, reason: 'x' }],
        [
          'my resource',
          '/revocations',
          404,
          { target: { kind: 'resource', resourceId: mine.resourceId }, reason: 'x' },
        ],
        [
          'my installation',
          '/revocations',
          404,
          { target: { kind: 'family', grantId: mine.grantId, familyId: NOBODY }, reason: 'x' },
        ],
        [
          'my token',
          '/revocations',
          404,
          { target: { kind: 'token', grantId: mine.grantId, familyId: NOBODY, tokenId: 't' }, reason: 'x' },
        ],
        [
          'my person with their client',
          '/revocations',
          404,
          { target: { kind: 'pair', userId: mine.userId, clientId: theirs.client.id }, reason: 'x' },
        ],
        ['a key', '/revocations', 404, { target: { kind: 'signing_key', kid: 'nothing' }, reason: 'x' }],
      ],
    }),
    ...Object.fromEntries(
      ['suspensions', 'resumptions'].map((path) => [
        `POST /admin/v1/tenants/:tenant/${path}`,
        admin(`/${path}`, {
          body: { target: { kind: 'grant', grantId: mine.grantId }, reason: 'x' },
          own: [
            ['my grant', `/${path}`, 404],
            ['my person', `/${path}`, 404, { target: { kind: 'user', userId: mine.userId }, reason: 'x' }],
            ['my client', `/${path}`, 404, { target: { kind: 'client', clientId: mine.client.id }, reason: 'x' }],
            [
              'my resource',
              `/${path}`,
              404,
              { target: { kind: 'resource', resourceId: mine.resourceId }, reason: 'x' },
            ],
          ],
        }),
      ]),
    ),
    'POST /admin/v1/tenants/:tenant/revocations/preview': admin('/revocations/preview', {
      body: { target: { kind: 'tenant' } },
      own: [
        ['everything', '/revocations/preview', 200],
        ['my grant', '/revocations/preview', 200, { target: { kind: 'grant', grantId: mine.grantId } }],
        ['my person', '/revocations/preview', 200, { target: { kind: 'user', userId: mine.userId } }],
        ['my client', '/revocations/preview', 200, { target: { kind: 'client', clientId: mine.client.id } }],
      ],
    }),
    'GET /admin/v1/tenants/:tenant/revocations/:seq/receipt': admin('/revocations/1/receipt', {
      own: [['of a position at which nothing was revoked', '/revocations/1/receipt', 404]],
    }),
    'GET /admin/v1/tenants/:tenant/suspensions': admin('/suspensions', {
      own: [['all', '/suspensions?state=all&limit=500', 200]],
    }),
    'GET /admin/v1/tenants/:tenant/signing-keys': admin('/signing-keys', { own: [['all', '/signing-keys', 200]] }),
  };
}
