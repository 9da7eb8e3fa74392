import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser } from '../support/browser.ts';
import { OAuthClient } from '../support/clients/oauth-client.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let product: RunningProduct;
let browser: Browser;

beforeAll(async () => {
  product = await startProduct();
  browser = await launchBrowser();
}, 120_000);
afterAll(async () => {
  await browser?.close();
  await product?.stop();
});

const registered = (name: string, host: string): Promise<OAuthClient> =>
  OAuthClient.register(product.summary.demo.issuer, { client_name: name, redirect_uris: [`https://${host}/callback`] });

/** Opens the request in a browser of its own, without script, signs in if asked, and looks at what comes. */
async function visit(
  url: string,
  options: { locale?: string; colorScheme?: 'light' | 'dark'; width?: number },
  look: (page: Page) => Promise<void>,
): Promise<void> {
  const { locale = 'en', colorScheme = 'light', width = 1280 } = options;
  const viewport = { width, height: 900 };
  const context = await browser.newContext({ locale, colorScheme, viewport, javaScriptEnabled: false });
  try {
    const page = await context.newPage();
    await page.goto(url);
    if ((await page.locator('input[type=password]').count()) > 0) {
      await page.locator('input[type=email]').fill(product.summary.demo.user.email);
      await page.locator('input[type=password]').fill(product.summary.demo.user.password);
      await page.keyboard.press('Enter');
      await page.locator('input[type=password]').waitFor({ state: 'detached' });
    }
    await look(page);
  } finally {
    await context.close();
  }
}

async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  const found = await page.evaluate<{ violations: { id: string }[] }>('axe.run()');
  return found.violations.map(({ id }) => id);
}

const text = (page: Page): Promise<string> => page.locator('main').innerText();

describe('what a person reads when an admin decides about apps', () => {
  it('is that their administrator has been asked, about which app, and what comes next', async () => {
    await product.admin('PATCH', '/tenants/acme/policy', { clientAdmission: 'review' });
    const client = await registered('Somebody’s <b>app</b>', 'asking.example');
    await visit(client.authorizationUrl(), {}, async (page) => {
      expect(await page.locator('h1').innerText()).toBe('Your administrator has been asked');
      const words = await text(page);
      // The name is the app's own, so it is marked; where it would send people is not.
      for (const one of ['Somebody’s <b>app</b>', 'Unverified name', 'asking.example', 'connect again'])
        expect(words).toContain(one);
      expect(new URL(page.url()).origin).toBe(new URL(product.summary.demo.issuer).origin);
      expect(await page.locator('form').count()).toBe(0);
    });
    await visit(client.authorizationUrl(), { locale: 'de' }, async (page) => {
      expect(await page.locator('html').getAttribute('lang')).toBe('de');
      expect(await page.locator('h1').innerText()).toBe('Ihre Administration wurde gefragt');
      expect(await text(page)).toContain('Name nicht geprüft');
    });
    const { body } = await product.admin<{ requests: { client: { id: string }; times: number }[] }>(
      'GET',
      '/tenants/acme/client-requests',
    );
    expect(body.requests.map((request) => [request.client.id, request.times])).toEqual([[client.id, 2]]);
    await product.admin('PATCH', '/tenants/acme/policy', { clientAdmission: 'open' });
  });

  it('is that an app is blocked, by name where its hosts prove the name', async () => {
    const path = `/tenants/acme/client-rules/${encodeURIComponent('host:claude.ai')}`;
    expect((await product.admin('PUT', path, { effect: 'block' })).status).toBe(200);
    const client = OAuthClient.of(
      product.summary.demo.issuer,
      (
        await product.admin<{ id: string }>('POST', '/tenants/acme/clients', {
          metadata: {
            client_name: 'Our Claude',
            redirect_uris: ['https://claude.ai/api/mcp/auth_callback'],
            token_endpoint_auth_method: 'none',
          },
        })
      ).body.id,
      undefined,
      'https://claude.ai/api/mcp/auth_callback',
    );
    await visit(client.authorizationUrl(), {}, async (page) => {
      expect(await page.locator('h1').innerText()).toBe('This app is blocked');
      const words = await text(page);
      expect(words).toContain('Our Claude');
      expect(words).not.toContain('Unverified name');
    });
    await product.admin('DELETE', path);
  });

  it.each([
    ['light', 1280],
    ['dark', 320],
  ] as const)('has no accessibility violation in %s at %d px', async (colorScheme, width) => {
    await product.admin('PATCH', '/tenants/acme/policy', { clientAdmission: 'allow_list' });
    const client = await registered('An app with quite a long name, longer than a phone is wide', 'listed.example');
    const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 } });
    const page = await context.newPage();
    await page.goto(client.authorizationUrl());
    expect(await page.locator('h1').innerText()).toBe('This app is not allowed here');
    expect(await violations(page)).toEqual([]);
    expect(await page.evaluate<boolean>('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
    await product.admin('PATCH', '/tenants/acme/policy', { clientAdmission: 'review' });
    await page.goto(client.authorizationUrl());
    await page.locator('input[type=email]').fill(product.summary.demo.user.email);
    await page.locator('input[type=password]').fill(product.summary.demo.user.password);
    await page.keyboard.press('Enter');
    await page.waitForSelector('h1:has-text("has been asked")');
    expect(await violations(page)).toEqual([]);
    await context.close();
    await product.admin('PATCH', '/tenants/acme/policy', { clientAdmission: 'open' });
  });
});
