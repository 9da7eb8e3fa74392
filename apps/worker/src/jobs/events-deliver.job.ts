import type { ConsumerRunner } from '@grantkeeper/consumers';
import { tenantId } from '@grantkeeper/kernel';
import type { Jobs } from '@grantkeeper/queue';
import type { DeliveryDispatch } from '../deliveries/delivery-dispatch.ts';

/** A ledger has grown: whoever outside is to be told of its events has a turn. */
export function eventsDeliver(runner: ConsumerRunner, dispatch: DeliveryDispatch) {
  return async (data: Jobs['events.deliver']): Promise<void> => {
    const tenant = tenantId(data.tenantId);
    await dispatch.dispatch(tenant);
    await runner.catchUpAll(tenant, 'outward');
  };
}
