import type { Problem } from '../support/clients/admin.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';

type Made = Readonly<Record<string, unknown>>;

/** What a request makes that carries an `Idempotency-Key`; `secret` names the member of its answer that is shown once. */
const making: readonly (readonly [path: string, body: Made, other: Made, secret: string | undefined])[] = [
  ['/admin-keys', { name: 'IT' }, { name: 'Console' }, 'key'],
  [
    '/resources',
    {
      url: 'https://api.acme.example/mcp',
      displayName: 'API',
      scopes: [{ name: 'api:read', description: 'Read', risky: false, default: true, optional: false }],
    },
    {
      url: 'https://other.acme.example/mcp',
      displayName: 'API',
      scopes: [{ name: 'api:read', description: 'Read', risky: false, default: true, optional: false }],
    },
    undefined,
  ],
  ['/enforcement-points', { name: 'API' }, { name: 'Another' }, 'credential'],
  [
    '/webhooks',
    { name: 'Hook', url: 'https://hooks.example/' },
    { name: 'Hook', url: 'https://other.example/' },
    'secret',
  ],
  ['/signal-receivers', { name: 'SIEM' }, { name: 'Another' }, 'credential'],
  ['/initial-access-tokens', { name: 'CI' }, { name: 'Another' }, 'token'],
  [
    '/clients',
    { metadata: { client_name: 'Agent', redirect_uris: ['https://agent.example/cb'] } },
    { metadata: { client_name: 'Other', redirect_uris: ['https://agent.example/cb'] } },
    'secret',
  ],
  ['/users', { email: 'once@acme.example' }, { email: 'other@acme.example' }, undefined],
];

describe('a request with an Idempotency-Key', () => {
  let product: RunningProduct;
  beforeAll(async () => {
    product = await startProduct();
  }, 60_000);
  afterAll(async () => product?.stop());

  const post = (path: string, body: object, key: string) =>
    product.admin<Made>('POST', `/tenants/acme${path}`, body, { 'idempotency-key': key });

  async function expectOnce(path: string, body: object, other: object, secret: string | undefined): Promise<Made> {
    const first = await post(path, body, 'once');
    expect([path, first.status]).toEqual([path, 201]);
    const { [secret ?? '']: shown, ...rest } = first.body;
    expect(typeof shown).toBe(secret === undefined ? 'undefined' : 'string');
    const again = await post(path, body, 'once');
    expect([again.status, again.body]).toEqual([201, rest]);
    const reused = await post(path, other, 'once');
    expect([reused.status, (reused.body as unknown as Problem).type]).toEqual([409, 'urn:problem:command.id_reused']);
    expect((await post(path, other, 'another')).status).toBe(201);
    return first.body;
  }

  it.each(making)('to %s makes one thing, whose secret is in the first answer alone', async (...row) => {
    await expectOnce(...row);
  });

  it('for another credential of an enforcement point makes one, and ends the one before once', async () => {
    const { body: point } = await product.admin<Made>('POST', '/tenants/acme/enforcement-points', { name: 'Rotated' });
    const path = `/enforcement-points/${String(point['id'])}/credentials`;
    await expectOnce(path, { overlapSeconds: 60 }, { overlapSeconds: 61 }, 'credential');
  });

  /** What eight copies of a request that are sent at the same moment are answered. */
  async function together(path: string, body: object, key: string) {
    return Promise.all(
      Array.from({ length: 8 }, () => product.admin<Made>('POST', path, body, { 'idempotency-key': key })),
    );
  }

  it.each(making)('to %s makes one thing, however many copies come at the same moment', async (path, body) => {
    // Not what the other tests have made.
    const own = { ...body, ...('url' in body && { url: 'https://at-once.acme.example/mcp' }) };
    const asked = 'email' in own ? { email: 'at-once@acme.example' } : own;
    const answers = await together(`/tenants/acme${path}`, asked, 'at-once');
    expect([path, new Set(answers.map(({ status }) => status))]).toEqual([path, new Set([201])]);
    expect(new Set(answers.map((answer) => answer.body['id'])).size).toBe(1);
  });

  it('for a tenant makes one, however many copies come at the same moment', async () => {
    const answers = await together('/tenants', { slug: 'globex', displayName: 'Globex' }, 'at-once');
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    expect(new Set(answers.map((answer) => answer.body['id'])).size).toBe(1);
  });

  it('for the last one that there is room for is not refused when a copy of it was first', async () => {
    for (let number = 0; number < 19; number += 1)
      await product.admin('POST', '/tenants/globex/signal-receivers', { name: `Receiver ${number}` });
    const answers = await together('/tenants/globex/signal-receivers', { name: 'The last' }, 'last');
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 201));
    expect((await product.admin('POST', '/tenants/globex/signal-receivers', { name: 'One more' })).status).toBe(409);
  });

  it('to revoke a signing key is answered the same to every copy', async () => {
    const { body } = await product.admin<{ signingKeys: { kid: string; state: string }[] }>(
      'GET',
      '/tenants/acme/signing-keys',
    );
    const { kid } = body.signingKeys.find(({ state }) => state === 'active')!;
    const answers = await together(
      '/tenants/acme/revocations',
      { target: { kind: 'signing_key', kid }, reason: 'Leaked' },
      'leaked',
    );
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(answers[0]!.body).toMatchObject({ changed: true });
  });
});
