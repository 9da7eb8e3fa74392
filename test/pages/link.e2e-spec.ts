import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { launchBrowser } from '../support/browser.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let product: RunningProduct;
let browser: Browser;
let client: Server;
let redirectUri: string;
let clientId: string;

beforeAll(async () => {
  product = await startProduct();
  browser = await launchBrowser();
  client = createServer((_request, response) =>
    response.end('<!doctype html><title>Linked</title><p>You may close this page.'),
  );
  await new Promise<void>((resolve) => client.listen(0, '127.0.0.1', resolve));
  redirectUri = `http://127.0.0.1:${(client.address() as AddressInfo).port}/callback`;
  const registration = await fetch(`${product.summary.demo.issuer}/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      client_name: 'Example Assistant',
      redirect_uris: [redirectUri],
      token_endpoint_auth_method: 'none',
    }),
  });
  ({ client_id: clientId } = (await registration.json()) as { client_id: string });
});
afterAll(async () => {
  await browser?.close();
  client?.close();
  await product?.stop();
});

function authorizeUrl(extra: Record<string, string> = {}): string {
  const challenge = createHash('sha256').update(randomBytes(32).toString('base64url')).digest('base64url');
  const query = {
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectUri,
    code_challenge: challenge,
    code_challenge_method: 'S256',
    state: 'abc',
    scope: 'boards:read boards:write',
    ...extra,
  };
  return `${product.summary.demo.issuer}/authorize?${new URLSearchParams(query).toString()}`;
}

/** A browser without script: everything must work in it. Script of the test itself (axe) still runs when asked for. */
async function visit(
  options: Parameters<Browser['newContext']>[0] = {},
): Promise<{ context: BrowserContext; page: Page; problems: string[] }> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
  page.on('pageerror', (error) => problems.push(error.message));
  return { context, page, problems };
}

async function violations(page: Page): Promise<string[]> {
  // Through the debugger, not as a script of the page: the page's CSP allows none.
  await page.evaluate(axe);
  const found = await page.evaluate<{ violations: { id: string; nodes: { html: string }[] }[] }>('axe.run()');
  return found.violations.map(
    (violation) => `${violation.id}: ${violation.nodes.map((node) => node.html).join(' | ')}`,
  );
}

async function signIn(page: Page): Promise<void> {
  const { email, password } = product.summary.demo.user;
  await page.getByLabel('Email').fill(email);
  await page.locator('input[type=password]').fill(password);
  await page.keyboard.press('Enter');
}

describe('linking in a browser', () => {
  it('leads through login and consent to the client, without any script', async () => {
    const { context, page, problems } = await visit({ javaScriptEnabled: false });
    await page.goto(authorizeUrl());
    await signIn(page);
    await page.locator('button[value=approve]').waitFor();
    const text = await page.locator('main').innerText();
    // The page says who asks, where the answer goes, for which resource, and each scope in words.
    for (const words of [
      'Example Assistant',
      '127.0.0.1',
      'Acme boards',
      'See your boards and their cards',
      'Create boards for you',
      'ada@acme.example',
    ]) {
      expect(text).toContain(words);
    }
    await page.locator('button[value=approve]').click();
    await page.waitForURL(/\/callback\?/);
    const answer = new URL(page.url()).searchParams;
    expect([answer.get('state'), answer.get('iss'), answer.has('code')]).toEqual([
      'abc',
      product.summary.demo.issuer,
      true,
    ]);
    expect(problems).toEqual([]);
    await context.close();
  });

  it('works by keyboard alone, focus visible on what is next', async () => {
    const { context, page } = await visit();
    await page.goto(authorizeUrl());
    await signIn(page);
    await page.waitForSelector('button[value=approve]');
    const reached: string[] = [];
    for (let presses = 0; presses < 15 && !reached.includes('approve'); presses += 1) {
      await page.keyboard.press('Tab');
      reached.push(await page.evaluate<string>(`document.activeElement.value ?? ''`));
      expect(await page.evaluate<string>('getComputedStyle(document.activeElement).outlineStyle')).not.toBe('none');
    }
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/callback\?code=/);
    await context.close();
  });

  it('answers the client when the person refuses', async () => {
    const { context, page } = await visit();
    await page.goto(authorizeUrl());
    await signIn(page);
    await page.locator('button[value=refuse]').click();
    await page.waitForURL(/\/callback\?/);
    const answer = new URL(page.url()).searchParams;
    expect([answer.get('error'), answer.get('state'), answer.get('iss')]).toEqual([
      'access_denied',
      'abc',
      product.summary.demo.issuer,
    ]);
    await context.close();
  });

  it('says that the password is wrong, and keeps the address', async () => {
    const { context, page } = await visit();
    await page.goto(authorizeUrl());
    await page.getByLabel('Email').fill('ada@acme.example');
    await page.locator('input[type=password]').fill('not it');
    await page.keyboard.press('Enter');
    await page.waitForSelector('[role=alert], #problem');
    expect(await page.getByLabel('Email').inputValue()).toBe('ada@acme.example');
    expect(await page.locator('input[type=password]').inputValue()).toBe('');
    expect(await violations(page)).toEqual([]);
    await context.close();
  });

  it('lets the person use another account', async () => {
    const { context, page } = await visit();
    await page.goto(authorizeUrl());
    await signIn(page);
    await page.locator('form[action$="/switch-account"] button').click();
    await page.waitForSelector('input[type=password]');
    expect(await page.locator('button[value=approve]').count()).toBe(0);
    await context.close();
  });

  it.each([
    ['light', 1280],
    ['dark', 1280],
    ['light', 375],
    ['dark', 320],
  ] as const)('has no accessibility violation in %s at %d px', async (colorScheme, width) => {
    const { context, page, problems } = await visit({ colorScheme, viewport: { width, height: 900 } });
    await page.goto(authorizeUrl());
    expect(await violations(page)).toEqual([]);
    await signIn(page);
    await page.waitForSelector('button[value=approve]');
    expect(await violations(page)).toEqual([]);
    expect(await page.evaluate<boolean>('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
    await page.goto(authorizeUrl({ redirect_uri: 'https://evil.example/cb' }));
    expect(await violations(page)).toEqual([]);
    expect(problems.filter((problem) => !/status of 400/.test(problem))).toEqual([]);
    await context.close();
  });

  it('shows its pages in no frame and runs no script in them', async () => {
    const response = await fetch(authorizeUrl());
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain('unsafe');
    expect(policy).not.toContain('script-src');
    expect(response.headers.get('x-frame-options')).toBe('DENY');
    expect(response.headers.get('cache-control')).toBe('no-store');
  });

  it('refuses a consent form that was not shown to this browser', async () => {
    const { context, page } = await visit();
    await page.goto(authorizeUrl());
    await signIn(page);
    await page.waitForSelector('button[value=approve]');
    const form = await page.evaluate<Record<string, string>>(
      `Object.fromEntries(new FormData(document.querySelector('form[action$="/consent"]')))`,
    );
    const post = async (cookie: string, fields: Record<string, string>) => {
      const answer = await fetch(`${product.summary.demo.issuer}/consent`, {
        method: 'POST',
        redirect: 'manual',
        headers: { cookie },
        body: new URLSearchParams({ decision: 'approve', ...fields }),
      });
      return [answer.status, answer.headers.get('location')];
    };
    const cookie = (await context.cookies()).map(({ name, value }) => `${name}=${value}`).join('; ');
    expect(await post('', form)).toEqual([400, null]);
    expect(await post('gk_session_acme=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', form)).toEqual([400, null]);
    expect(
      await post(cookie, { ...form, csrf: form['csrf']!.replace(/^./, (first) => (first === 'A' ? 'B' : 'A')) }),
    ).toEqual([400, null]);
    // The seal of one request does not fit another.
    expect(
      await post(cookie, { ...form, request: form['request']!.replace('boards%3Aread', 'boards%3Awrite') }),
    ).toEqual([400, null]);
    await context.close();
  });
});
