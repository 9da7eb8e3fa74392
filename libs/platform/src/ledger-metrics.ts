import { Counter } from '@grantkeeper/observability';

/** What this process does to ledgers. */
export const ledgerMetrics = {
  appended: new Counter('grantkeeper_events_appended_total', 'Events that this process has appended to ledgers.'),
  retries: new Counter(
    'grantkeeper_append_retries_total',
    'Decisions that were made again because what they were read from had changed.',
  ),
} as const;
