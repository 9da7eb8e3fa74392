import { runService } from '@grantkeeper/platform';
import { LedgerModule } from './ledger.module.ts';

await runService({
  name: 'ledger',
  modules: (settings) => [LedgerModule.register(settings)],
});
