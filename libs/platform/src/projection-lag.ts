import { consumerLag } from '@grantkeeper/consumers';
import type { Database } from '@grantkeeper/event-store';
import type { ReadinessReport } from '@grantkeeper/observability';
import { asyncProjections } from '@grantkeeper/read-models';

/** So long an asynchronous projection may be behind before a process that depends on it calls itself unready. */
export const TOLERATED_LAG_SECONDS = 600;

/**
 * Tells beside readiness how far asynchronous projections are behind, over all tenants. The process is unready when one
 * is behind by more than `toleratedSeconds`; without them, never.
 */
export function projectionLag(database: Database, toleratedSeconds = Number.POSITIVE_INFINITY): ReadinessReport {
  const projections = asyncProjections.map(({ name }) => name);
  return {
    name: 'projections',
    async report() {
      const lags = await consumerLag(database, { consumers: [], projections });
      return {
        ready: lags.every(({ seconds }) => seconds <= toleratedSeconds),
        detail: Object.fromEntries(
          lags.map(({ consumer, events, seconds, tenantsBehind }) => [consumer, { events, seconds: Math.round(seconds * 10) / 10, tenantsBehind }]),
        ),
      };
    },
  };
}
