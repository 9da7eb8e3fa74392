import { it } from '@jest/globals';
import { createServer } from 'node:http';
import { launchBrowser } from '../support/browser.ts';
import { renderConsent, renderError, renderLogin, renderSignedOut, stylesheet } from '../../apps/authorization/src/pages/index.ts';
import { mkdirSync } from 'node:fs';

it('shots', async () => {
  mkdirSync('/tmp/authz-shots', { recursive: true });
  const base = {
    tenantName: 'Acme',
    user: { name: 'Ada Lovelace', email: 'ada@acme.example' },
    client: { name: 'ChatGPT', verifiedHost: 'chatgpt.com', nameIsUnverified: false },
    redirectHost: 'chatgpt.com',
    loopback: false,
    resource: { name: 'Acme boards', url: 'https://mcp.example.com/t/acme/mcp' },
    offline: true,
    lasts: { total: 90 * 86400, idle: 30 * 86400 },
    action: '/c', request: 'r', csrf: 'c', switchAccountAction: '/s',
  };
  const scopes = [
    { name: 'boards:read', description: 'See your boards and their cards', risky: false, alreadyGranted: false },
    { name: 'boards:write', description: 'Create boards for you', risky: false, alreadyGranted: false, field: 'scope:boards:write' },
    { name: 'boards:delete', description: 'Delete boards and everything on them, for everyone', risky: true, alreadyGranted: false, field: 'scope:boards:delete' },
  ];
  const more = [ { ...scopes[0]!, alreadyGranted: true }, scopes[1]!, scopes[2]! ];
  const pages: Record<string, (lang: 'en' | 'de') => string> = {
    new: (lang) => renderConsent({ ...base, lang, reason: 'new', scopes }),
    loopback: (lang) => renderConsent({ ...base, lang, reason: 'new', scopes, client: { name: 'Claude Code', nameIsUnverified: true }, loopback: true, redirectHost: 'localhost' }),
    more: (lang) => renderConsent({ ...base, lang, reason: 'more', scopes: more }),
    again: (lang) => renderConsent({ ...base, lang, reason: 'again', scopes: scopes.map((s) => ({ ...s, alreadyGranted: true, field: undefined })) }),
    notice: (lang) => renderConsent({ ...base, lang, reason: 'notice', scopes: scopes.map((s) => ({ ...s, field: undefined })) }),
    problem: (lang) => renderConsent({ ...base, lang, reason: 'new', problem: 'nothing_left', scopes }),
    login: (lang) => renderLogin({ lang, tenantName: 'Acme', clientName: 'ChatGPT', action: '/l', request: 'r', csrf: 'c' }),
    error: (lang) => renderError({ lang, kind: 'invalid_request', reference: 'a1b2', details: 'invalid_request: code_challenge is missing' }),
    out: (lang) => renderSignedOut({ lang, tenantName: 'Acme' }),
  };
  const server = createServer((request, response) => {
    const [, name = '', lang = 'en'] = request.url!.split('/');
    if (name === 'assets') { response.setHeader('content-type', 'text/css'); response.end(stylesheet); return; }
    response.setHeader('content-type', 'text/html');
    response.end(pages[name]?.(lang as 'en') ?? 'no');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const browser = await launchBrowser();
  for (const [scheme, width, lang] of [['light', 1000, 'en'], ['dark', 375, 'de']] as const) {
    const context = await browser.newContext({ colorScheme: scheme, viewport: { width, height: 900 } });
    const page = await context.newPage();
    for (const name of Object.keys(pages)) {
      await page.goto(`http://127.0.0.1:${port}/${name}/${lang}`);
      await page.screenshot({ path: `/tmp/authz-shots/${name}-${scheme}.png`, fullPage: true });
    }
    await context.close();
  }
  await browser.close();
  server.close();
}, 120_000);
