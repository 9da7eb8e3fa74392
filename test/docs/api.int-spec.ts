import 'reflect-metadata';
import { type DynamicModule } from '@nestjs/common';
import { AuthorizationModule } from '@grantkeeper/authorization-app';
import { LedgerModule } from '@grantkeeper/ledger-app';
import { McpModule } from '@grantkeeper/mcp-app';
import { HealthModule, MetricsModule } from '@grantkeeper/observability';
import { readRepositoryFile, sectionOf } from './documents.ts';
import { routesOf } from './routes.ts';

const origins = {
  authUrl: 'https://auth.example.com',
  mcpUrl: 'https://mcp.example.com',
  adminUrl: 'https://admin.example.com',
};

const api = readRepositoryFile('docs/api.md');

describe('docs/api.md', () => {
  test('describes every route of the admin API, and no other', () => {
    const described = [...sectionOf(api, '## Admin API').matchAll(/^### `([A-Z]+ \S+)`$/gm)].map(
      ([, route]) => route ?? '',
    );
    const feed = listed('## Revocation feed');
    expect([...described, ...feed].sort()).toEqual(routesOf(LedgerModule.register(origins)));
  });

  test('lists every route of the authorization servers, and no other', () => {
    const routes = routesOf(AuthorizationModule.register(origins)).map((route) =>
      route.replace(/pages-[0-9a-f]+\.css/, 'pages-{hash}.css'),
    );
    expect(listed('## Authorization servers')).toEqual(routes);
  });

  test('lists every route of the MCP servers, and no other', () => {
    expect(listed('## MCP servers')).toEqual(routesOf(McpModule.register({ feedUrl: origins.adminUrl })));
  });

  test('lists the routes of every process, and no other', () => {
    const shared: DynamicModule[] = [
      HealthModule.register([]),
      { module: MetricsModule, controllers: Reflect.getMetadata('controllers', MetricsModule) },
    ];
    expect(listed('## Every process')).toEqual(shared.flatMap(routesOf).sort());
  });
});

function listed(heading: string): string[] {
  return [...sectionOf(api, heading).matchAll(/^\| `([A-Z]+ \S+)` \|/gm)].map(([, route]) => route ?? '').sort();
}
