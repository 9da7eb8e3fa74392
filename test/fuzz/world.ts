import 'reflect-metadata';
import { AuthorizationModule } from '@grantkeeper/authorization-app';
import { LedgerModule } from '@grantkeeper/ledger-app';
import { McpModule } from '@grantkeeper/mcp-app';
import type { RunningProduct } from '../support/product.ts';
import { makeTenantSide, type TenantSide } from '../support/tenant-side.ts';
import { routesOf } from '../docs/routes.ts';

/** A route of the product, `{name}` for its parameters. */
export interface Route {
  readonly method: string;
  readonly path: string;
}

/** What the requests are made of: the routes, and things of a tenant that are really there. */
export interface World {
  readonly product: RunningProduct;
  readonly side: TenantSide;
  readonly routes: readonly Route[];
  /** Pages that are open, so that what is posted gets beyond the seal of its form. */
  readonly forms: ReadonlyArray<{ readonly cookies: string; readonly fields: Readonly<Record<string, string>> }>;
  /** What no answer may hold unless the request did. */
  readonly secrets: readonly string[];
}

/** A tenant that nothing has been done to yet, and every route that there is. */
export async function makeWorld(product: RunningProduct, slug: string): Promise<World> {
  const side = await makeTenantSide(product, slug);
  // They register themselves in the fuzz, too.
  await product.admin('PATCH', `/tenants/${slug}/policy`, { registration: 'open' });
  const { authUrl, mcpUrl, adminUrl, adminKey } = product.summary;
  const modules = [
    AuthorizationModule.register({ authUrl, adminUrl }),
    LedgerModule.register({ authUrl, mcpUrl, adminUrl }),
    McpModule.register({ feedUrl: adminUrl }),
  ];
  const own = modules.flatMap((module) => routesOf(module));
  const shared = [
    'GET /health/live',
    'GET /health/ready',
    'GET /metrics',
    'GET /',
    'GET /.well-known/oauth-authorization-server',
  ];
  const routes = [...own, ...shared].map((route) => {
    const [method = '', path = ''] = route.split(' ');
    return { method, path };
  });
  const privateKeys = product.masterKeys.map(({ key }) => Buffer.from(key).toString('base64'));
  return {
    product,
    side,
    routes,
    forms: [await openPage(side, 'login'), await openPage(side, 'consent')],
    secrets: [
      adminKey,
      side.adminKey,
      side.session,
      side.confidential.secret ?? '',
      side.person.password,
      ...privateKeys,
    ],
  };
}

async function openPage(side: TenantSide, kind: 'login' | 'consent'): Promise<World['forms'][number]> {
  const browser = side.person.elsewhere();
  let page = await browser.open(side.client.authorizationUrl({ prompt: 'consent' }));
  if (kind === 'consent') page = await browser.signIn(page);
  const form = page.form(kind);
  if (!form) throw new Error(`There is no ${kind} form: ${page.status} ${page.text}`);
  return { cookies: browser.cookies, fields: form.fields };
}
