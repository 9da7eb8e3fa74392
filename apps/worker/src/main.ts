import { runService, TOLERATED_LAG_SECONDS } from '@grantkeeper/platform';
import { TenantWebhookSecretsModule, VerificationModule, WorkerModule } from './worker.module.ts';

await runService({
  name: 'worker',
  toleratedLagSeconds: TOLERATED_LAG_SECONDS,
  modules: () => [WorkerModule.register({ imports: [TenantWebhookSecretsModule] }), VerificationModule.register()],
});
