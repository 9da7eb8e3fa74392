import { tenantId } from '@grantkeeper/kernel';
import type { Jobs } from '@grantkeeper/queue';
import type { ConsumerRunner } from '@grantkeeper/consumers';
import type { DeliveryDispatch } from '../deliveries/delivery-dispatch.ts';

/** A ledger has grown: whoever outside is to be told of it gets a turn, and our own rows follow at once. */
export function eventsAppended(runner: ConsumerRunner, dispatch: DeliveryDispatch) {
  return async (data: Jobs['events.appended']): Promise<void> => {
    const tenant = tenantId(data.tenantId);
    await dispatch.dispatch(tenant);
    await runner.catchUpAll(tenant, 'inward');
  };
}
