import { runService } from '@grantkeeper/platform';
import { McpModule } from './mcp.module.ts';

await runService({ name: 'mcp', modules: (settings) => [McpModule.register({ feedUrl: settings.feedUrl })] });
