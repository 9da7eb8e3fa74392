import { tenantId } from '@grantkeeper/kernel';
import type { Jobs, Queues } from '@grantkeeper/queue';
import type { ConsumerRunner } from '@grantkeeper/consumers';

/** A ledger has grown: our own rows follow at once, and what goes out has a queue of its own, for it may be slow. */
export function eventsAppended(runner: ConsumerRunner, queues: Queues) {
  return async (data: Jobs['events.appended']): Promise<void> => {
    await queues.enqueue('events.deliver', data, { deduplicate: data.tenantId });
    await runner.catchUpAll(tenantId(data.tenantId), 'inward');
  };
}
