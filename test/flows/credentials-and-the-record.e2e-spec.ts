import { createHash } from 'node:crypto';
import pg from 'pg';
import { basic, OAuthClient, postJson } from '../support/clients/oauth-client.ts';
import { Person } from '../support/clients/person.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';

const PASSWORD = 'a password that nobody else has';

/** What of an answer lets its holder in: everything with one of our prefixes that is not the id of a client. */
function secretsOf(answer: unknown): string[] {
  return [...JSON.stringify(answer).matchAll(/"((?:gk(?!d_|n_)[a-z]_|whsec_|eyJ)[^"]+)"/g)].map(
    ([, secret]) => secret!,
  );
}

describe('the record', () => {
  let product: RunningProduct;
  let owner: pg.Client;

  beforeAll(async () => {
    product = await startProduct();
    owner = new pg.Client({ connectionString: product.databaseUrl });
    await owner.connect();
  }, 60_000);

  afterAll(async () => {
    await owner?.end();
    await product?.stop();
  });

  async function made(path: string, body: object): Promise<{ id: string; secrets: string[] }> {
    const answer = await product.admin<{ id?: string }>('POST', `/tenants/acme${path}`, body, {
      'idempotency-key': path.replaceAll('/', '-'),
    });
    expect([path, answer.status, answer.status === 201 ? null : answer.body]).toEqual([path, 201, null]);
    const secrets = secretsOf(answer.body);
    expect([path, secrets.length]).toEqual([path, 1]);
    return { id: answer.body.id ?? '', secrets };
  }

  it('holds no credential of any kind, and no hash of one', async () => {
    const { issuer } = product.summary.demo;
    const key = await made('/admin-keys', { name: 'console' });
    const initial = await made('/initial-access-tokens', { name: 'partner' });
    const client = await made('/clients', {
      metadata: {
        client_name: 'Reports',
        redirect_uris: ['https://reports.example/callback'],
        token_endpoint_auth_method: 'client_secret_basic',
      },
    });
    const point = await made('/enforcement-points', { name: 'gateway' });
    const pointAgain = await made(`/enforcement-points/${point.id}/credentials`, {});
    const receiver = await made('/signal-receivers', { name: 'siem' });
    const receiverAgain = await made(`/signal-receivers/${receiver.id}/credentials`, {});
    const webhook = await made('/webhooks', { name: 'chat', url: 'https://hooks.example/in' });

    const email = 'grace@acme.example';
    await product.admin('POST', '/tenants/acme/users', { email, name: 'Grace', password: PASSWORD });
    const registered = await postJson(`${issuer}/register`, {
      client_name: 'Robot',
      redirect_uris: ['https://client.example/callback'],
      token_endpoint_auth_method: 'client_secret_basic',
    });
    const person = new Person(email, PASSWORD);
    const linked = await OAuthClient.register(issuer);
    const authorized = await linked.authorize(person);
    const redeemed = await linked.redeem(authorized);
    const refreshed = await linked.refresh(redeemed.body.refresh_token);
    await linked.refresh(redeemed.body.refresh_token, {}, { authorization: basic('a', 'b') });

    const secrets = [key, initial, client, point, pointAgain, receiver, receiverAgain, webhook].flatMap(
      (one) => one.secrets,
    );
    secrets.push(...secretsOf(registered.body), ...secretsOf(redeemed.body), ...secretsOf(refreshed.body), PASSWORD);
    expect(secrets.length).toBeGreaterThanOrEqual(8 + 2 + 2 + 2 + 1);

    const tables = ['events', 'commands', 'activity'];
    const { rows: history } = await owner.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname = 'history'`,
    );
    expect(history.length).toBeGreaterThan(10);
    for (const table of [...tables, ...history.map(({ name }) => name)]) {
      const { rows } = await owner.query<{ text: string }>(`SELECT to_jsonb(t)::text AS text FROM ${table} t`);
      const text = rows.map((row) => row.text).join('\n');
      for (const secret of secrets) {
        const hash = createHash('sha256').update(secret).digest();
        for (const form of [
          secret,
          secret.slice(-43),
          hash.toString('hex'),
          hash.toString('base64url'),
          hash.toString('base64'),
        ])
          expect([table, text.includes(form)]).toEqual([table, false]);
      }
    }
  });
});
