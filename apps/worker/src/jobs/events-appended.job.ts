import { tenantId } from '@grantkeeper/kernel';
import type { Jobs } from '@grantkeeper/queue';
import type { ConsumerRunner } from '@grantkeeper/consumers';
import type { DeliveryDispatch } from '../deliveries/delivery-dispatch.ts';

const OUTBOX = 'signals';

/** A ledger has grown: whoever outside is to be told of it gets a turn, and our own rows follow at once. */
export function eventsAppended(runner: ConsumerRunner, dispatch: DeliveryDispatch) {
  return async (data: Jobs['events.appended']): Promise<void> => {
    const tenant = tenantId(data.tenantId);
    // What is pushed to streams is put aside for them first.
    const outbox = runner.consumers.find(({ name }) => name === OUTBOX);
    if (outbox) await runner.catchUp(tenant, outbox);
    await dispatch.dispatch(tenant);
    await runner.catchUpAll(tenant, 'inward');
  };
}
