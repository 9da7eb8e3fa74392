import { Counter } from '@grantkeeper/observability';

/** What this process has refused because there was too much of it. */
export const limitMetrics = {
  exceeded: new Counter('grantkeeper_limits_exceeded_total', 'Times that a budget was found exhausted, by budget.'),
} as const;
