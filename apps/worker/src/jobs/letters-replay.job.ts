import type { ConsumerRunner } from '@grantkeeper/consumers';
import { tenantId } from '@grantkeeper/kernel';
import type { Jobs } from '@grantkeeper/queue';
import type { DeliveryDispatch } from '../deliveries/delivery-dispatch.ts';

/** An admin wants events replayed that were put aside: their consumers, or receivers outside, get them again. */
export function lettersReplay(runner: ConsumerRunner, dispatch: DeliveryDispatch) {
  return async (data: Jobs['letters.replay']): Promise<void> => {
    const tenant = tenantId(data.tenantId);
    await dispatch.dispatch(tenant);
    await runner.replayRequested(tenant);
  };
}
