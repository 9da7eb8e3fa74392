import { runService } from '@grantkeeper/platform';
import { WorkerModule } from './worker.module.ts';

await runService({
  name: 'worker',
  modules: ({ outboundAllowLoopback }) => [WorkerModule.register({ outboundAllowLoopback })],
});
