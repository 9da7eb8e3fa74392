import { runService, TOLERATED_LAG_SECONDS } from '@grantkeeper/platform';
import { LedgerModule } from './ledger.module.ts';

await runService({
  name: 'ledger',
  toleratedLagSeconds: TOLERATED_LAG_SECONDS,
  modules: (settings) => [LedgerModule.register(settings)],
});
