import { runService } from '@grantkeeper/platform';
import { VerificationModule, WorkerModule } from './worker.module.ts';

await runService({
  name: 'worker',
  modules: () => [WorkerModule.register(), VerificationModule.register()],
});
