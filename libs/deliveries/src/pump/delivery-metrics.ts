import { Counter } from '@grantkeeper/observability';

/** What became of messages to receivers, by kind. How far they are behind is a gauge (see receiver-lag.ts). */
export const deliveryMetrics = {
  deliveries: new Counter('grantkeeper_deliveries_total', 'Messages sent to receivers of events, by kind and outcome.'),
  givenUp: new Counter('grantkeeper_delivery_dead_letters_total', 'Messages that were put aside, by kind.'),
  disabled: new Counter(
    'grantkeeper_receivers_disabled_total',
    'Receivers that are told nothing any more because they were gone or failing, by kind.',
  ),
  stopped: new Counter(
    'grantkeeper_delivery_stopped_total',
    'Times that a receiver’s cursor stood before an event that this release cannot read, by kind.',
  ),
} as const;
