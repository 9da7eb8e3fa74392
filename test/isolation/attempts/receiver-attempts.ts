import { adminRoute } from './admin-route.ts';
import type { Attempts, World } from './attempt.ts';

/** The admin API of who is told of events. */
export function receiverAttempts(world: World): Attempts {
  const { mine } = world;
  const admin = adminRoute(world);
  return {
    'POST /admin/v1/tenants/:tenant/signal-receivers': admin('/signal-receivers', {
      body: { name: 'mine now' },
      own: [['my tenant in the body', '/signal-receivers', 422, { name: 'x', tenantId: mine.id }]],
    }),
    'GET /admin/v1/tenants/:tenant/signal-receivers': admin('/signal-receivers', {
      own: [['all', '/signal-receivers', 200]],
    }),
    'POST /admin/v1/tenants/:tenant/signal-receivers/:receiver/credentials': admin(
      `/signal-receivers/${mine.signals.id}/credentials`,
      { body: {}, own: [['my receiver', `/signal-receivers/${mine.signals.id}/credentials`, 404]] },
    ),
    'DELETE /admin/v1/tenants/:tenant/signal-receivers/:receiver': admin(`/signal-receivers/${mine.signals.id}`, {
      own: [['my receiver', `/signal-receivers/${mine.signals.id}`, 404]],
    }),
    'GET /admin/v1/tenants/:tenant/webhooks/event-types': admin('/webhooks/event-types', {
      own: [['the same for everyone', '/webhooks/event-types', 200]],
    }),
    'POST /admin/v1/tenants/:tenant/webhooks': admin('/webhooks', {
      body: { name: 'mine now', url: 'https://evil.example/' },
      own: [
        [
          'my tenant in the body',
          '/webhooks',
          422,
          { name: 'x', url: 'https://evil.example/', types: null, tenantId: mine.id },
        ],
      ],
    }),
    'GET /admin/v1/tenants/:tenant/webhooks': admin('/webhooks', { own: [['all', '/webhooks', 200]] }),
    'GET /admin/v1/tenants/:tenant/webhooks/:webhook': admin(`/webhooks/${mine.webhookId}`, {
      own: [['my webhook', `/webhooks/${mine.webhookId}`, 404]],
    }),
    'PATCH /admin/v1/tenants/:tenant/webhooks/:webhook': admin(`/webhooks/${mine.webhookId}`, {
      body: { url: 'https://evil.example/' },
      own: [['my webhook', `/webhooks/${mine.webhookId}`, 404]],
    }),
    'DELETE /admin/v1/tenants/:tenant/webhooks/:webhook': admin(`/webhooks/${mine.webhookId}`, {
      own: [['my webhook', `/webhooks/${mine.webhookId}`, 404]],
    }),
    'POST /admin/v1/tenants/:tenant/webhooks/:webhook/secrets': admin(`/webhooks/${mine.webhookId}/secrets`, {
      body: {},
      own: [['my webhook', `/webhooks/${mine.webhookId}/secrets`, 404]],
    }),
    'POST /admin/v1/tenants/:tenant/webhooks/:webhook/test': admin(`/webhooks/${mine.webhookId}/test`, {
      body: {},
      own: [['my webhook', `/webhooks/${mine.webhookId}/test`, 404]],
    }),
    'GET /admin/v1/tenants/:tenant/webhooks/:webhook/deliveries': admin(`/webhooks/${mine.webhookId}/deliveries`, {
      own: [['my webhook', `/webhooks/${mine.webhookId}/deliveries`, 404]],
    }),
    'POST /admin/v1/tenants/:tenant/webhooks/:webhook/redeliveries': admin(`/webhooks/${mine.webhookId}/redeliveries`, {
      body: { seq: 1 },
      own: [['my webhook', `/webhooks/${mine.webhookId}/redeliveries`, 404]],
    }),
  };
}
