import { adminAttempts } from './attempts/admin-attempts.ts';
import { type Attempts, public200, type World } from './attempts/attempt.ts';
import { authorizationAttempts } from './attempts/authorization-attempts.ts';
import { feedAttempts } from './attempts/feed-attempts.ts';
import { mcpAttempts } from './attempts/mcp-attempts.ts';
import { receiverAttempts } from './attempts/receiver-attempts.ts';
import { signalAttempts } from './attempts/signal-attempts.ts';

export type { Attempt } from './attempts/attempt.ts';

/**
 * How each route of the product is tried, by method and path; HEAD is tried as GET. A route that is not here has not been
 * thought about, and the suite says so.
 */
export function attemptsOf(world: World): Attempts {
  const { adminUrl } = world.product.summary;
  return {
    ...adminAttempts(world),
    ...authorizationAttempts(world),
    ...mcpAttempts(world),
    ...feedAttempts(world),
    ...signalAttempts(world),
    ...receiverAttempts(world),
    'GET /': public200(world, `${adminUrl}/`),
    'GET /health/live': public200(world, `${adminUrl}/health/live`),
    'GET /health/ready': public200(world, `${adminUrl}/health/ready`),
    'GET /metrics': public200(world, `${adminUrl}/metrics`),
  };
}
