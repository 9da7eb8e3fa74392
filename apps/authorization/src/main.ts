import { runService } from '@grantkeeper/platform';
import { AuthorizationModule, notFoundPage, OPEN_PATHS } from './authorization.module.ts';

await runService({
  name: 'authorization',
  modules: (settings) => [AuthorizationModule.register(settings)],
  openPaths: OPEN_PATHS,
  notFoundPage,
});
