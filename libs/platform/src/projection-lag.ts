import { consumerLag } from '@grantkeeper/consumers';
import type { Database } from '@grantkeeper/event-store';
import { type ReadinessReport, sharedAnswer } from '@grantkeeper/observability';
import { asyncProjections } from '@grantkeeper/read-models';

/** The look costs more the more tenants there are, and whoever asks for readiness causes it. */
const KEPT_MS = 5_000;

/**
 * Tells beside readiness how many seconds each asynchronous projection is behind, at its slowest tenant. It never makes a
 * process unready: one tenant's blocked projection must not take the admin API from all the others. Metrics alarm.
 */
export function projectionLag(database: Database): ReadinessReport {
  const projections = asyncProjections.map(({ name }) => name);
  return {
    name: 'projections',
    report: sharedAnswer(async () => {
      const lags = await consumerLag(database, { consumers: [], projections });
      return {
        ready: true,
        detail: Object.fromEntries(
          lags.map(({ consumer, seconds }) => [consumer, { secondsBehind: Math.round(seconds * 10) / 10 }]),
        ),
      };
    }, KEPT_MS),
  };
}
