import { consumerLag } from '@grantkeeper/consumers';
import type { Database } from '@grantkeeper/event-store';
import { type ReadinessReport, sharedAnswer } from '@grantkeeper/observability';
import { asyncProjections } from '@grantkeeper/read-models';

/** So long an asynchronous projection may be behind before a process that depends on it calls itself unready. */
export const TOLERATED_LAG_SECONDS = 600;

/** The look costs more the more tenants there are, and whoever asks for readiness causes it. */
const KEPT_MS = 5_000;

/**
 * Tells beside readiness how far asynchronous projections are behind, over all tenants. The process is unready when one
 * is behind by more than `toleratedSeconds`; without them, never.
 */
export function projectionLag(database: Database, toleratedSeconds = Number.POSITIVE_INFINITY): ReadinessReport {
  const projections = asyncProjections.map(({ name }) => name);
  return {
    name: 'projections',
    report: sharedAnswer(async () => {
      const lags = await consumerLag(database, { consumers: [], projections });
      return {
        ready: lags.every(({ seconds }) => seconds <= toleratedSeconds),
        detail: Object.fromEntries(
          lags.map(({ consumer, events, seconds, tenantsBehind }) => [consumer, { events, seconds: Math.round(seconds * 10) / 10, tenantsBehind }]),
        ),
      };
    }, KEPT_MS),
  };
}
