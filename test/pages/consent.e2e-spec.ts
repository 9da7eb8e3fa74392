import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser } from '../support/browser.ts';
import { OAuthClient } from '../support/clients/oauth-client.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

describe('the consent page in a browser', () => {
  let product: RunningProduct;
  let browser: Browser;

  beforeAll(async () => {
    product = await startProduct();
    browser = await launchBrowser();
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await product?.stop();
  });

  const issuer = () => product.summary.demo.issuer;

  async function signedIn(options: Parameters<Browser['newContext']>[0], url: string): Promise<Page> {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    await page.goto(url);
    const { email, password } = product.summary.demo.user;
    await page.locator('input[type=email]').fill(email);
    await page.locator('input[type=password]').fill(password);
    await page.keyboard.press('Enter');
    await page.waitForSelector('button[value=approve]');
    return page;
  }

  async function expectAccessible(page: Page): Promise<void> {
    await page.evaluate(axe);
    const found = await page.evaluate<{ violations: { id: string; nodes: { html: string }[] }[] }>('axe.run()');
    expect(found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`)).toEqual([]);
    expect(await page.evaluate<boolean>('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
  }

  it('says that a form has expired when its address is opened, in the name of the tenant', async () => {
    const page = await (await browser.newContext({ locale: 'en' })).newPage();
    for (const form of ['login', 'consent', 'switch-account', 'sign-out']) {
      await page.goto(`${issuer()}/${form}`);
      expect(await page.locator('h1').innerText()).toBe('This page has expired');
      expect(await page.locator('header .brand-name').innerText()).toBe('Acme');
      await expectAccessible(page);
    }
    await page.goto(`${issuer()}/nothing`);
    expect(await page.locator('h1').innerText()).toBe('There is nothing at this address');
    await expectAccessible(page);
    await page.goto(product.summary.authUrl);
    expect(await page.locator('code').first().innerText()).toBe(product.summary.demo.resource);
    await expectAccessible(page);
    await page.context().close();
  });

  it.each([320, 360, 1280])('breaks no word of its buttons at %d px', async (width) => {
    const client = await OAuthClient.register(issuer());
    const page = await signedIn({ viewport: { width, height: 900 }, locale: 'en' }, client.authorizationUrl());
    const lines = (selector: string): Promise<number> =>
      page.evaluate<number>(`{
        const range = document.createRange();
        range.selectNodeContents(document.querySelector(${JSON.stringify(selector)}));
        new Set([...range.getClientRects()].map(({ bottom }) => Math.round(bottom))).size;
      }`);
    expect([await lines('button[value=refuse]'), await lines('button[value=approve]')]).toEqual([1, 1]);
    await page.context().close();
  });

  it('shows a box for what can be left out, and no tick for what cannot', async () => {
    const client = await OAuthClient.register(issuer());
    const page = await signedIn({ locale: 'en' }, client.authorizationUrl());
    expect(await page.locator('.scopes input[type=checkbox]').count()).toBe(1);
    // The tick of the badges and boxes, wherever it is drawn.
    expect(await page.locator('.scopes path[d="M5 12.5 10 17.5 19 7"]').count()).toBe(0);
    expect(await page.locator('#choose').innerText()).toBe('You can untick what you do not want to allow.');
    await page.context().close();
  });

  it('lets a scope be left out with the keyboard alone, without script (AS-52)', async () => {
    const client = await OAuthClient.register(issuer());
    const page = await signedIn({ javaScriptEnabled: false }, client.authorizationUrl());
    const box = page.getByRole('checkbox', { name: 'Create boards for you' });
    expect(await box.isChecked()).toBe(true);
    const reach = async (selector: string) => {
      for (let presses = 0; presses < 15; presses += 1) {
        await page.keyboard.press('Tab');
        if ((await page.locator(`${selector}:focus`).count()) === 1) return;
      }
      throw new Error(`${selector} cannot be reached`);
    };
    await reach('input[type=checkbox]');
    await page.keyboard.press('Space');
    expect(await box.isChecked()).toBe(false);
    await reach('button[value=approve]');
    // The client's host does not exist: what the browser sends it is all that there is.
    const answered = page.waitForRequest(/\/callback\?code=/);
    await page.keyboard.press('Enter');
    await answered;
    const { body } = await product.admin<{ grants: { scopes: string[] }[] }>(
      'GET',
      `/tenants/acme/grants?client=${client.id}`,
    );
    expect(body.grants).toMatchObject([{ scopes: ['boards:read', 'offline_access'] }]);
    await page.context().close();
  });

  it.each([
    ['light', 1280, 'en'],
    ['dark', 320, 'de'],
  ] as const)('is accessible in each of its forms, in %s at %d px in %s', async (colorScheme, width, locale) => {
    const options = { colorScheme, locale, viewport: { width, height: 900 } };
    const client = await OAuthClient.register(issuer(), { client_name: 'Planner '.repeat(12).trim() });
    const first = await signedIn(options, client.authorizationUrl({ scope: 'boards:read' }));
    await expectAccessible(first);
    const answered = first.waitForRequest(/\/callback\?code=/);
    await first.locator('button[value=approve]').click();
    await answered;
    const page = await first.context().newPage();
    // More than the link allows.
    await page.goto(client.authorizationUrl());
    expect(await page.locator('input[type=checkbox]').count()).toBe(1);
    await expectAccessible(page);
    // A program on the person's own computer, approved by an admin.
    const native = await OAuthClient.register(issuer(), { redirect_uris: ['http://127.0.0.1/cb'] });
    await product.admin('POST', '/tenants/acme/admin-consents', {
      clientId: native.id,
      scopes: ['boards:read', 'boards:write'],
    });
    await page.goto(native.authorizationUrl());
    expect(await page.locator('input[name=basis]').count()).toBe(1);
    await expectAccessible(page);
    // A pushed request that has been used up.
    await page.goto(native.authorizationUrl({ request_uri: 'urn:ietf:params:oauth:request_uri:gone' }));
    await expectAccessible(page);
    await page.context().close();
  });
});
