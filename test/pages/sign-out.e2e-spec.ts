import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { launchBrowser } from '../support/browser.ts';
import { OAuthClient } from '../support/clients/oauth-client.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let product: RunningProduct;
let browser: Browser;
let client: OAuthClient;

beforeAll(async () => {
  product = await startProduct();
  browser = await launchBrowser();
  client = await OAuthClient.register(product.summary.demo.issuer);
}, 120_000);
afterAll(async () => {
  await browser?.close();
  await product?.stop();
});

async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  const found = await page.evaluate<{ violations: { id: string }[] }>('axe.run()');
  return found.violations.map(({ id }) => id);
}

/** Somebody who is signed in, in a browser of their own. */
async function signedIn(
  options: Parameters<Browser['newContext']>[0],
): Promise<{ context: BrowserContext; page: Page }> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  await page.goto(client.authorizationUrl());
  await page.locator('input[type=email]').fill(product.summary.demo.user.email);
  await page.locator('input[type=password]').fill(product.summary.demo.user.password);
  await page.keyboard.press('Enter');
  await page.locator('input[type=password]').waitFor({ state: 'detached' });
  return { context, page };
}

const logout = (): string => `${product.summary.demo.issuer}/logout`;

describe('signing out in a browser (RFC-23)', () => {
  it('is asked about, done with the keyboard alone, and then said', async () => {
    const { context, page } = await signedIn({ locale: 'en', javaScriptEnabled: false });
    try {
      const problems: string[] = [];
      page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
      await page.goto(logout());
      expect(await page.locator('h1').innerText()).toContain('Sign out of Acme');
      // The page offers one thing to do: it is the first that the keyboard reaches.
      await page.keyboard.press('Tab');
      expect(await page.locator('button:focus').count()).toBe(1);
      await page.keyboard.press('Enter');
      await page.getByText('You are signed out').first().waitFor();
      // It is true: the next link asks who it is.
      await page.goto(client.authorizationUrl());
      expect(await page.locator('input[type=password]').count()).toBe(1);
      expect(problems).toEqual([]);
    } finally {
      await context.close();
    }
  });

  it.each([
    ['light', 'en', 1280],
    ['dark', 'de', 320],
  ] as const)('has no accessibility violation in %s, in %s, at %d px', async (colorScheme, locale, width) => {
    const { context, page } = await signedIn({ colorScheme, locale, viewport: { width, height: 900 } });
    const fits = (): Promise<boolean> =>
      page.evaluate('document.documentElement.scrollWidth <= document.documentElement.clientWidth');
    try {
      await page.goto(logout());
      expect(await page.locator('html').getAttribute('lang')).toBe(locale);
      expect([await violations(page), await fits()]).toEqual([[], true]);
      await page.locator('button').first().click();
      await page.locator('form').waitFor({ state: 'detached' });
      expect([await violations(page), await fits()]).toEqual([[], true]);
    } finally {
      await context.close();
    }
  });
});
