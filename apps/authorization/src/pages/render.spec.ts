import { describe, expect, it } from '@jest/globals';
import { messages } from './messages/phrases.ts';
import { renderConsent, renderError, renderLogin, renderSignedOut } from './render.ts';
import { stylesheetPath } from './stylesheet.ts';
import type { ConsentView, ErrorKind, LoginView } from './views.ts';

const login: LoginView = {
  lang: 'en',
  tenantName: 'Acme',
  client: { name: 'ChatGPT', nameIsUnverified: false },
  action: '/t/acme/login',
  request: 'req-1',
  csrf: 'csrf-1',
};
const consent: ConsentView = {
  lang: 'en',
  tenantName: 'Acme',
  reason: 'new',
  user: { name: 'Ada Lovelace', email: 'ada@acme.example' },
  client: { name: 'ChatGPT', verifiedHost: 'chatgpt.com', nameIsUnverified: false },
  redirectHost: 'chatgpt.com',
  loopback: false,
  resource: { name: 'Acme Boards', url: 'https://mcp.example/t/acme/mcp' },
  scopes: [
    { name: 'boards:read', description: 'See your boards', risky: false, alreadyGranted: true },
    { name: 'boards:write', description: 'Change your boards', risky: true, alreadyGranted: false },
  ],
  offline: true,
  lasts: { total: 90 * 86_400, idle: 30 * 86_400 },
  action: '/t/acme/consent',
  request: 'req-1',
  csrf: 'csrf-1',
  switchAccountAction: '/t/acme/switch',
};
const hostile = `"><script>alert(1)</script><img src=x onerror='alert(1)'>`;
const kinds: ErrorKind[] = [
  'unknown_client',
  'invalid_redirect_uri',
  'invalid_request',
  'session_expired',
  'tenant_unavailable',
  'access_suspended',
  'server_error',
  'too_many',
  'busy',
];

const hiddenFields = (html: string) =>
  [...html.matchAll(/<input type="hidden" name="(\w+)" value="([^"]*)">/g)].map(([, name, value]) => [name, value]);

/** What a page may never hold: something that runs, an inline style (refused by the policy), or a link of someone else's. */
function expectInert(html: string): void {
  const tags = html.replaceAll(/"[^"]*"/g, '""');
  expect(tags).not.toMatch(/<script|<img|<a\s|<iframe|<[^>]*\s(?:on\w+|style)\s*=/i);
  expect(html.match(/<link /g)).toHaveLength(1);
  expect(html).toContain(`<link rel="stylesheet" href="${stylesheetPath}">`);
}

describe('renderLogin', () => {
  it('posts request, csrf, email and password to its action', () => {
    const html = renderLogin({ ...login, email: 'ada@acme.example' });
    expect(html).toContain('<form method="post" action="/t/acme/login"');
    expect(hiddenFields(html)).toEqual([
      ['request', 'req-1'],
      ['csrf', 'csrf-1'],
    ]);
    expect(html).toMatch(
      /<input id="email" name="email" type="email" value="ada@acme.example" autocomplete="username"/,
    );
    expect(html).toMatch(/<input id="password" name="password" type="password" autocomplete="current-password"/);
    expect(html).toContain('to continue to <bdi>ChatGPT</bdi>');
    expectInert(html);
  });

  it('never writes a password back', () => {
    expect(renderLogin({ ...login, problem: 'invalid_credentials' })).not.toMatch(/type="password"[^>]*value=/);
  });

  it.each(['invalid_credentials', 'too_many', 'expired'] as const)('ties the problem %s to the fields', (problem) => {
    const html = renderLogin({ ...login, problem });
    expect(html).toMatch(/role="alert" id="problem"/);
    expect(html).toContain(messages.en[`login.${problem}`]);
    expect(html.match(/aria-describedby="problem"/g)).toHaveLength(2);
    expect(html.includes('aria-invalid')).toBe(problem === 'invalid_credentials');
    expect(html).toContain(`<title>${messages.en['login.problem']}`);
  });

  it('marks a name that nobody has checked, and says who publishes one that a host vouches for', () => {
    const shown = (client: LoginView['client']) => renderLogin({ ...login, client });
    const unverified = messages.en['consent.unverified'];
    expect(shown({ name: 'ChatGPT', nameIsUnverified: true })).toContain(unverified);
    expect(shown({ name: 'ChatGPT', nameIsUnverified: false })).not.toContain(unverified);
    const published = shown({ name: 'Example', nameIsUnverified: false, verifiedHost: 'app.example' });
    expect(published).toContain('<bdi>app.example</bdi>');
    expect(published).not.toContain(unverified);
  });

  it('says nothing of problems when there is none', () => {
    expect(renderLogin(login)).not.toMatch(/role="alert"|aria-invalid|aria-describedby/);
  });

  it('escapes everything it is given', () => {
    const html = renderLogin({
      ...login,
      tenantName: hostile,
      client: { name: hostile, verifiedHost: hostile, nameIsUnverified: true },
      action: hostile,
      request: hostile,
      csrf: hostile,
      email: hostile,
    });
    expectInert(html);
    expect(hiddenFields(html)[0]?.[1]).toContain('&quot;&gt;&lt;script&gt;');
  });
});

describe('renderConsent', () => {
  it('names the client, the user, the resource, every scope, where the answer goes and how to revoke', () => {
    const html = renderConsent(consent);
    for (const text of [
      '<bdi>ChatGPT</bdi> wants to connect to <bdi>Acme Boards</bdi>',
      'Published by <bdi>chatgpt.com</bdi>',
      'Ada Lovelace',
      'ada<wbr>@acme.example',
      'https://<wbr>mcp.example/<wbr>t/<wbr>acme/<wbr>mcp',
      'See your boards',
      'boards:write',
      'Stay connected',
      'Sends you back to</dt><dd><bdi class="strong">chatgpt.com</bdi>',
      'Ends after 90 days, or after 30 days without use.',
      'disconnect in <bdi>ChatGPT</bdi>, or ask the administrator of <bdi>Acme</bdi>',
    ]) {
      expect(html).toContain(text);
    }
    expectInert(html);
  });

  it('posts the decision with request and csrf, and the switch of account elsewhere', () => {
    const html = renderConsent(consent);
    expect(html).toContain('<form method="post" action="/t/acme/consent"');
    expect(html).toContain('<form method="post" action="/t/acme/switch"');
    expect(html).toMatch(/<button type="submit" name="decision" value="approve"/);
    expect(html).toMatch(/<button type="submit" name="decision" value="refuse"/);
    expect(hiddenFields(html)).toEqual([
      ['request', 'req-1'],
      ['csrf', 'csrf-1'],
      ['request', 'req-1'],
      ['csrf', 'csrf-1'],
    ]);
  });

  it('marks risky and already granted scopes in words', () => {
    const html = renderConsent(consent);
    // What is new comes first.
    const [, write, read] = html.split(/<li(?: class="risky")?>/);
    expect(read).toContain('Already allowed');
    expect(read).not.toContain('Sensitive');
    expect(write).toContain('Sensitive');
    expect(write).not.toContain('Already allowed');
  });

  it('marks an unverified name, warns of loopback, and does neither without reason', () => {
    const html = renderConsent({
      ...consent,
      client: { name: 'Claude Code', nameIsUnverified: true },
      loopback: true,
      redirectHost: 'localhost',
    });
    expect(html).toContain('Unverified name');
    expect(html).toContain('could pretend to be <bdi>Claude Code</bdi>');
    expect(html).not.toContain('Published by');
    expect(renderConsent(consent)).not.toMatch(/Unverified name|runs on your computer/);
  });

  it('says so when no scope is asked for and the link does not outlive the session', () => {
    const html = renderConsent({ ...consent, scopes: [], offline: false, lasts: { total: 600 } });
    expect(html).toContain('no permission beyond the connection itself');
    expect(html).toContain('For a short time');
    expect(html).toContain('Ends after 10 minutes.');
    expect(html).not.toMatch(/Stay connected|without use/);
  });

  it('lets the person leave out what is optional, by a checkbox that belongs to the decision (AS-52)', () => {
    const field = 'scope:boards:write';
    const html = renderConsent({ ...consent, scopes: [consent.scopes[0]!, { ...consent.scopes[1]!, field }] });
    expect(html.match(/type="checkbox"/g)).toHaveLength(1);
    expect(html).toMatch(
      /<input type="checkbox" form="decision" id="scope-0" name="scope:boards:write" value="allow" checked/,
    );
    expect(html).toContain('<label for="scope-0"><bdi>Change your boards</bdi></label>');
    expect(html).toContain('id="decision"');
    expectInert(html);
    expect(renderConsent({ ...consent, problem: 'nothing_left' })).toMatch(/role="alert" id="problem"/);
  });

  it.each(['new', 'more', 'again', 'notice'] as const)('says in every language why it asks: %s', (reason) => {
    for (const lang of ['en', 'de'] as const) {
      const html = renderConsent({ ...consent, lang, reason });
      expect(html).toContain(messages[lang][`consent.${reason}.title`].split('{')[0]!);
      expect(html.includes('name="basis" value="admin"')).toBe(reason === 'notice');
      expect(html.includes(messages[lang]['consent.added'])).toBe(reason === 'more');
      expectInert(html);
    }
  });

  it('marks a name that nobody has checked, and says so of one under which an admin has approved the app', () => {
    const client = { name: 'Boards', nameIsUnverified: true };
    const [asked, told] = (['new', 'notice'] as const).map((reason) => renderConsent({ ...consent, reason, client }));
    for (const html of [asked, told]) expect(html).toContain('Unverified name');
    expect([asked, told].map((html) => html!.includes('Nobody has checked it'))).toEqual([true, false]);
    expect(told).toContain('has approved it under this name');
  });

  it('cuts a name that would push the facts off the screen', () => {
    const html = renderConsent({ ...consent, client: { name: '🔑'.repeat(200), nameIsUnverified: true } });
    expect(html).toContain(`<bdi>${'🔑'.repeat(63)}…</bdi>`);
    expect(html).not.toContain('🔑'.repeat(64));
  });

  it('keeps a name written from right to left from reordering the page', () => {
    expect(renderConsent({ ...consent, client: { name: '\u202Eevil', nameIsUnverified: true } })).toContain(
      '<bdi>\u202Eevil</bdi> wants',
    );
  });

  it('escapes everything it is given', () => {
    const html = renderConsent({
      ...consent,
      tenantName: hostile,
      user: { name: hostile, email: hostile },
      client: { name: hostile, verifiedHost: hostile, nameIsUnverified: true },
      redirectHost: hostile,
      loopback: true,
      resource: { name: hostile, url: `https://x.example/${hostile}` },
      scopes: [{ name: hostile, description: hostile, risky: true, alreadyGranted: true }],
      action: hostile,
      request: hostile,
      csrf: hostile,
      switchAccountAction: hostile,
    });
    expectInert(html);
    expect(html).not.toContain(hostile);
  });
});

describe('renderError', () => {
  it.each(kinds)('says what happened and what to do about %s, in every language', (kind) => {
    for (const lang of ['en', 'de'] as const) {
      const html = renderError({ lang, kind, tenantName: 'Acme' });
      expect(html).toContain(`<html lang="${lang}">`);
      for (const part of ['title', 'what', 'todo'] as const)
        expect(html).toContain(messages[lang][`error.${kind}.${part}`]);
      expectInert(html);
    }
  });

  it('shows reference and details, escaped, and leaves them out when there are none', () => {
    const html = renderError({ lang: 'en', kind: 'invalid_request', reference: hostile, details: hostile });
    expect(html).toContain('Details for developers');
    expect(html.match(/&lt;script&gt;/g)).toHaveLength(2);
    expectInert(html);
    expect(renderError({ lang: 'en', kind: 'invalid_request' })).not.toContain('<dl');
  });
});

describe('renderSignedOut', () => {
  it('names the tenant, escaped, and says that links live on', () => {
    const html = renderSignedOut({ lang: 'en', tenantName: hostile });
    expect(html).toContain('stay connected');
    expectInert(html);
  });
});

describe('every page', () => {
  it('begins with the doctype, has one main landmark and one first heading', () => {
    for (const html of [
      renderLogin(login),
      renderConsent(consent),
      renderError({ lang: 'en', kind: 'too_many' }),
      renderSignedOut(login),
    ]) {
      expect(html.startsWith('<!doctype html>')).toBe(true);
      expect([html.match(/<main/g)?.length, html.match(/<h1/g)?.length]).toEqual([1, 1]);
      expect(html).not.toMatch(/undefined|\[object/);
    }
  });
});
