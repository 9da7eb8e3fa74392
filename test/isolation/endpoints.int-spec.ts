import { channel } from 'node:diagnostics_channel';
import pg from 'pg';
import { Person } from '../support/clients/person.ts';
import { callTool } from '../support/clients/tool-call.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';
import { makeTenantSide, type TenantSide } from '../support/tenant-side.ts';
import { type Attempt, attemptsOf } from './endpoint-attempts.ts';

/** Written by the clock, whoever calls: how far consumers have read, and when the ledger was last verified. */
const BY_THE_CLOCK = ['public.consumer_cursors', 'public.ledger_verifications'];

interface Route {
  readonly method: string | string[];
  readonly url: string;
}

describe('a second tenant at every endpoint', () => {
  const routes: string[] = [];
  let product: RunningProduct;
  let owner: pg.Client;
  let mine: TenantSide;
  let theirs: TenantSide;
  let digests: string;
  let before: Record<string, string>;
  // Each side has made a board.
  let toolCalls = 1;

  beforeAll(async () => {
    // Fastify tells of every server that is made; each tells of every route that it is given.
    const watch = (message: unknown): void => {
      const { fastify } = message as { fastify: { addHook(name: 'onRoute', hook: (route: Route) => void): void } };
      fastify.addHook('onRoute', ({ method, url }) =>
        routes.push(...[method].flat().map((one) => `${one} ${url.replace(/pages-[0-9a-f]+/, 'pages-{hash}')}`)),
      );
    };
    channel('fastify.initialization').subscribe(watch);
    product = await startProduct();
    channel('fastify.initialization').unsubscribe(watch);
    mine = await makeTenantSide(product, 'mine');
    theirs = await makeTenantSide(product, 'theirs');
    owner = new pg.Client({ connectionString: product.databaseUrl });
    await owner.connect();
    const { rows } = await owner.query<{ name: string }>(
      `SELECT n.nspname || '.' || c.relname AS name FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE a.attname = 'tenant_id' AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname NOT LIKE 'pg\\_%' ORDER BY 1`,
    );
    digests = rows
      .map(({ name }) => name)
      .filter((name) => !BY_THE_CLOCK.includes(name))
      .map(
        (name) =>
          `SELECT '${name}' AS name, md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) AS digest FROM ${name} t WHERE tenant_id = $1`,
      )
      .join(' UNION ALL ');
    await settled();
    before = await myRows();
  }, 120_000);

  afterAll(async () => {
    await owner?.end();
    await product?.stop();
  });

  async function myRows(): Promise<Record<string, string>> {
    const { rows } = await owner.query<{ name: string; digest: string }>(digests, [mine.id]);
    return Object.fromEntries(rows.map(({ name, digest }) => [name, digest]));
  }

  /** When all of our own rows have followed the ledger, so that what changes afterwards is somebody's doing. */
  async function settled(): Promise<void> {
    for (let tries = 0; tries < 300; tries += 1) {
      const { rows } = await owner.query(
        `SELECT 1 FROM consumer_cursors c JOIN heads h USING (tenant_id) WHERE c.tenant_id = $1 GROUP BY h.seq HAVING count(*) >= 5 AND min(c.seq) = h.seq
           AND EXISTS (SELECT FROM receiver_cursors r WHERE r.tenant_id = $1 AND r.through_seq = h.seq AND r.lease_id IS NULL)`,
        [mine.id],
      );
      // Tool calls are written down in batches, a second later at the most.
      const tools = await owner.query(`SELECT 1 FROM activity WHERE tenant_id = $1 AND what = 'tool.called'`, [
        mine.id,
      ]);
      if (rows.length > 0 && (tools.rowCount ?? 0) >= toolCalls) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error('The consumers do not come to the end of the ledger.');
  }

  /** Names of my private values in `text`, but for those that the request itself brought. */
  function leaked(text: string, { url, headers, body }: Pick<Attempt, 'url' | 'headers' | 'body'>): string[] {
    const sent = decodeURIComponent(
      [url, JSON.stringify(headers ?? {}), body ?? '']
        .join(' ')
        .replaceAll('+', ' ')
        .replaceAll(/%(?![0-9a-f]{2})/gi, ''),
    );
    return Object.entries(mine.private).flatMap(([name, value]) =>
      value !== '' && text.includes(value) && !sent.includes(value) ? [name] : [],
    );
  }

  async function send(method: string, attempt: Attempt): Promise<{ status: number; text: string }> {
    const response = await fetch(attempt.url, {
      method,
      redirect: 'manual',
      headers: attempt.headers ?? {},
      ...(attempt.body !== undefined && { body: attempt.body }),
    });
    return { status: response.status, text: JSON.stringify([...response.headers]) + (await response.text()) };
  }

  test('knows every route of the running product', () => {
    const known = Object.keys(attemptsOf({ product, mine, theirs }));
    const running = [...new Set(routes.map((route) => route.replace(/^HEAD /, 'GET ')))];
    expect(known.toSorted()).toEqual(running.toSorted());
    for (const [route, attempts] of Object.entries(attemptsOf({ product, mine, theirs })))
      expect([route, attempts.length > 0]).toEqual([route, true]);
  });

  test('would notice what it looks for', async () => {
    const key = { authorization: `Bearer ${mine.adminKey}` };
    const url = `${product.summary.adminUrl}/admin/v1/tenants/mine`;
    const shown = async (path: string) =>
      leaked((await send('GET', { what: '', url: url + path, headers: key, answer: 200 })).text, { url: '' });
    expect(await shown('/grants')).toEqual(
      expect.arrayContaining(['userId', 'email', 'clientId', 'confidentialName', 'grantId', 'resourceId']),
    );
    expect(await shown('/events')).toEqual(
      expect.arrayContaining(['tenantId', 'leaver', 'reason', 'webhookUrl', 'email']),
    );
    expect(await shown('/signal-receivers')).toEqual(
      expect.arrayContaining(['receiverId', 'receiverName', 'streamId', 'streamName']),
    );
    expect(await shown('/webhooks')).toEqual(expect.arrayContaining(['webhookId', 'webhookUrl', 'webhookName']));
    expect(leaked((await callTool(mine.resource, mine.tokens.access_token)).text, { url: '' })).toEqual(['boardTitle']);
    toolCalls += 1;
    await settled();
    before = await myRows();
  });

  test('gets none of the first one’s data and changes none of it', async () => {
    const wrong: unknown[] = [];
    let tried = 0;
    for (const [route, attempts] of Object.entries(attemptsOf({ product, mine, theirs }))) {
      const [method = ''] = route.split(' ');
      for (const attempt of attempts) {
        for (const verb of method === 'GET' ? ['GET', 'HEAD'] : [method]) {
          const { status, text } = await send(verb, attempt);
          const after = await myRows();
          const changed = Object.keys(after).filter((name) => after[name] !== before[name]);
          const shown = leaked(text, attempt);
          if (status !== attempt.answer || shown.length > 0 || changed.length > 0)
            wrong.push({
              route,
              verb,
              what: attempt.what,
              status,
              due: attempt.answer,
              shown,
              changed,
              text: text.slice(0, 300),
            });
          before = after;
          tried += 1;
        }
      }
    }
    expect(wrong).toEqual([]);
    expect(tried).toBeGreaterThan(200);
  }, 300_000);

  test('cannot post forms that were sealed for it, at the first one’s pages', async () => {
    const cookies = `gk_session_mine=${theirs.session}; gk_session_theirs=${theirs.session}`;
    const stranger = new Person(theirs.person.email, theirs.person.password);
    const [theirLogin, myLogin] = [
      await stranger.open(theirs.client.authorizationUrl()),
      await stranger.open(mine.client.authorizationUrl()),
    ];
    const posts: [what: string, url: string, fields: Record<string, string>][] = [];
    for (const page of [theirLogin, myLogin])
      posts.push([
        'login',
        `${mine.issuer}/login`,
        { ...page.form('login')?.fields, email: theirs.person.email, password: theirs.person.password },
      ]);
    posts.push([
      'login with my person’s address',
      `${mine.issuer}/login`,
      { ...myLogin.form('login')?.fields, email: mine.person.email, password: theirs.person.password.toUpperCase() },
    ]);
    const consent = await fetch(theirs.client.authorizationUrl({ prompt: 'consent' }), {
      headers: { cookie: cookies },
      redirect: 'manual',
    });
    const html = await consent.text();
    const fields = Object.fromEntries(
      [...html.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)].map(([, name = '', value = '']) => [
        name,
        value.replaceAll('&amp;', '&'),
      ]),
    );
    expect(Object.keys(fields)).toEqual(expect.arrayContaining(['request', 'csrf']));
    for (const endpoint of ['consent', 'switch-account'])
      posts.push([endpoint, `${mine.issuer}/${endpoint}`, { ...fields, decision: 'approve' }]);

    const rows = await myRows();
    for (const [what, url, posted] of posts) {
      // Once with the browser that was shown the forms, once with the cookies of the session under both names.
      const answers = [
        await stranger
          .post(url, posted)
          .then((page) => ({ status: page.status, cookies: page.headers.getSetCookie(), text: page.html })),
        await fetch(url, {
          method: 'POST',
          redirect: 'manual',
          headers: { cookie: cookies },
          body: new URLSearchParams(posted),
        }).then(async (response) => ({
          status: response.status,
          cookies: response.headers.getSetCookie(),
          text: await response.text(),
        })),
      ];
      for (const answer of answers) {
        expect([what, answer.status >= 400 || /<form method="post" action="[^"]*\/login"/.test(answer.text)]).toEqual([
          what,
          true,
        ]);
        expect([what, answer.cookies.filter((set) => /^gk_session_mine=./.test(set))]).toEqual([what, []]);
        expect([what, leaked(answer.text, { url, body: new URLSearchParams(posted).toString() })]).toEqual([what, []]);
      }
      expect([what, await myRows()]).toEqual([what, rows]);
    }
  });

  test('may know a person by the same address, and learns nothing by it', async () => {
    const rows = await myRows();
    const users = `${product.summary.adminUrl}/admin/v1/tenants/theirs/users`;
    const post = async (email: string): Promise<{ status: number; text: string }> =>
      send('POST', {
        what: '',
        url: users,
        headers: { authorization: `Bearer ${theirs.adminKey}`, 'content-type': 'application/json' },
        body: JSON.stringify({ email }),
        answer: 201,
      });
    const [known, unknown] = [await post(mine.person.email), await post('nobody@mine.example')];
    expect([known.status, unknown.status]).toEqual([201, 201]);
    expect(leaked(known.text, { url: '', body: mine.person.email })).toEqual([]);
    expect(await myRows()).toEqual(rows);
  });

  test('has left the first one’s credentials working, and its own at home', async () => {
    for (const side of [mine, theirs]) {
      expect((await side.client.redeem(side.authorization)).status).toBe(200);
      expect((await side.client.refresh(side.tokens.refresh_token)).status).toBe(200);
      expect((await callTool(side.resource, side.tokens.access_token)).text).toContain(`Board of ${side.slug}`);
      const { status } = await send('GET', {
        what: '',
        url: `${product.summary.adminUrl}/admin/v1/tenants/${side.slug}/grants`,
        headers: { authorization: `Bearer ${side.adminKey}` },
        answer: 200,
      });
      expect(status).toBe(200);
    }
    expect(await myRows()).not.toEqual(before);
  });
});
