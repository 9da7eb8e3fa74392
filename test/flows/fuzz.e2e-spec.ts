import { fuzz } from '../fuzz/fuzz.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';

describe('every endpoint, whatever it is sent', () => {
  let product: RunningProduct;

  beforeAll(async () => {
    product = await startProduct({ RATE_LIMIT_FACTOR: '9999999', OUTBOUND_ALLOW_LOOPBACK: 'false' });
  }, 60_000);

  afterAll(async () => {
    await product?.stop();
  });

  it(
    'answers without a 5xx, without showing its inside or a secret, and redirects nowhere that is not proven (AS-15, MT-02)',
    async () => {
      const requests = Number(process.env['FUZZ_REQUESTS'] ?? 2_000);
      const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31);
      const result = await fuzz(product, {
        requests,
        seed,
        onWorld: (sent) => {
          if (requests > 10_000) process.stdout.write(`${sent} requests\n`);
        },
      });
      expect(result.faults).toEqual([]);
      expect(result.requests).toBeGreaterThanOrEqual(requests);
      // Each kind of answer was met: it did not stop at the first check.
      for (const status of [200, 400, 401, 404]) expect(result.statuses[status] ?? 0).toBeGreaterThan(0);
      if (requests > 2_000) process.stdout.write(`seed ${seed}: ${JSON.stringify(result)}\n`);
    },
    24 * 3_600_000,
  );
});
