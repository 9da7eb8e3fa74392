import { tenantId } from '@grantkeeper/kernel';
import type { Jobs } from '@grantkeeper/queue';
import type { ConsumerRunner } from '@grantkeeper/consumers';

/** A ledger has grown: others are told. */
export function eventsDeliver(runner: ConsumerRunner) {
  return (data: Jobs['events.deliver']): Promise<void> => runner.catchUpAll(tenantId(data.tenantId), 'outward');
}
