import { runService } from '@grantkeeper/platform';
import { TenantWebhookSecretsModule, VerificationModule, WorkerModule } from './worker.module.ts';

await runService({
  name: 'worker',
  modules: () => [WorkerModule.register({ imports: [TenantWebhookSecretsModule] }), VerificationModule.register()],
});
