import { Counter } from '@grantkeeper/observability';

/** What became of events that consumers read, by consumer. Lag is a gauge of its own (see consumer-lag.ts). */
export const consumerMetrics = {
  failures: new Counter('grantkeeper_consumer_failures_total', 'Attempts to consume an event that failed.'),
  blocked: new Counter(
    'grantkeeper_consumer_blocked_total',
    'Attempts that failed where a consumer has long been blocked by the event.',
  ),
  unknown: new Counter(
    'grantkeeper_consumer_unknown_events_total',
    'Attempts at an event of an unknown type or version; the consumer stands before it.',
  ),
  gaps: new Counter(
    'grantkeeper_consumer_gaps_total',
    'Attempts at a ledger with a hole in its numbers; the consumer stands before it.',
  ),
  parked: new Counter('grantkeeper_dead_letters_total', 'Events that a consumer gave up on.'),
  replayed: new Counter('grantkeeper_dead_letters_replayed_total', 'Dead letters that were replayed, by outcome.'),
} as const;
