import type { ConsumerRunner } from '@grantkeeper/consumers';
import { tenantId } from '@grantkeeper/kernel';
import type { Jobs } from '@grantkeeper/queue';

/** An admin wants events replayed that were put aside: their consumers get them again. */
export function lettersReplay(runner: ConsumerRunner) {
  return (data: Jobs['letters.replay']): Promise<void> => runner.replayRequested(tenantId(data.tenantId));
}
