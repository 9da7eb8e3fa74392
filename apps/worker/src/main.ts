import { runService } from '@grantkeeper/platform';
import { TenantWebhookSecretsModule } from './consumers/tenant-webhook-secrets.ts';
import { WorkerModule } from './worker.module.ts';

await runService({ name: 'worker', modules: () => [WorkerModule.register({ imports: [TenantWebhookSecretsModule] })] });
