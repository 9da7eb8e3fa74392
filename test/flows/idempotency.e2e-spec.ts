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
});
