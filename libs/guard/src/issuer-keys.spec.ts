import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { IssuerKeys } from './issuer-keys.ts';

describe('IssuerKeys', () => {
  let server: Server;
  let keys: JWK[] = [];
  let away = false;
  let asked = 0;

  beforeAll(async () => {
    server = createServer((_request, response) => {
      asked += 1;
      if (away) response.writeHead(503).end();
      else response.end(JSON.stringify({ keys }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  afterAll(async () => {
    await new Promise((resolve) => server.close(resolve));
  });

  beforeEach(async () => {
    [away, asked] = [false, 0];
    keys = [await newKey('k1', 'ES256'), await newKey('k2', 'RS256')];
  });

  const newKey = async (kid: string, alg: 'ES256' | 'RS256'): Promise<JWK> => ({
    ...(await exportJWK((await generateKeyPair(alg, { extractable: true })).publicKey)),
    kid,
    alg,
    use: 'sig',
  });
  const open = (onRecovery?: (afterMs: number) => void): IssuerKeys => {
    const { port } = server.address() as AddressInfo;
    const url = async (): Promise<string> => `http://127.0.0.1:${port}/jwks`;
    return new IssuerKeys({ url, fetch, timeoutMs: 2_000, ...(onRecovery && { onRecovery }) });
  };
  const k1 = { kid: 'k1', alg: 'ES256' } as const;

  it('are asked for once, and found for their own algorithm alone', async () => {
    const issuer = open();
    const found = await Promise.all(Array.from({ length: 10 }, async () => issuer.find(k1)));
    expect(new Set(found).size).toBe(1);
    expect(found[0]).toBeDefined();
    expect(asked).toBe(1);
    expect(await issuer.find({ kid: 'k1', alg: 'RS256' })).toBeUndefined();
    expect(issuer.ids).toEqual(['k1', 'k2']);
  });

  it('tells once that they can be read again', async () => {
    const told: number[] = [];
    const issuer = open((afterMs) => told.push(afterMs));
    await issuer.read();
    away = true;
    for (let times = 0; times < 2; times += 1) await expect(issuer.read()).rejects.toThrow('503');
    expect(told).toEqual([]);
    away = false;
    await issuer.read();
    await issuer.read();
    expect(told).toEqual([expect.any(Number)]);
  });

  it('are the same objects while they are the same keys', async () => {
    const issuer = open();
    const before = await issuer.find(k1);
    await issuer.read();
    expect(await issuer.find(k1)).toBe(before);
    keys = [await newKey('k1', 'ES256')];
    await issuer.read();
    expect(await issuer.find(k1)).not.toBe(before);
    expect(issuer.ids).toEqual(['k1']);
  });

  it('cost no request for each name that somebody makes up', async () => {
    const issuer = open();
    await issuer.read();
    for (let n = 0; n < 50; n += 1) expect(await issuer.find({ kid: `made-up-${n}`, alg: 'ES256' })).toBeUndefined();
    expect(asked).toBeLessThan(5);
  });

  it('stay when the issuer does not answer; what is not among them is not known', async () => {
    const issuer = open();
    const before = await issuer.find(k1);
    away = true;
    await expect(issuer.read()).rejects.toThrow('503');
    expect(await issuer.find(k1)).toBe(before);
    await expect(Promise.resolve(issuer.find({ kid: 'k3', alg: 'ES256' }))).rejects.toThrow('cannot be read');
  });

  it('are none of another kind, and never a secret one', async () => {
    keys.push({ kty: 'oct', k: 'c2VjcmV0', kid: 'shared', alg: 'HS256' });
    keys.push({ kty: 'oct', k: 'c2VjcmV0', kid: 'disguised', alg: 'ES256' });
    keys.push({ ...keys[0]!, kid: 'for-encryption', use: 'enc' });
    const issuer = open();
    await issuer.read();
    expect(issuer.ids).toEqual(['k1', 'k2']);
  });
});
