import { ExpiringCache } from './expiring-cache.ts';

describe('ExpiringCache', () => {
  let now = 0;
  let loads: string[] = [];
  const cacheOf = (max = 10): ExpiringCache<string> => new ExpiringCache({ ttlMs: 100, max, now: () => now });
  const load = (value: string) => (): Promise<string> => {
    loads.push(value);
    return Promise.resolve(value);
  };
  beforeEach(() => {
    now = 0;
    loads = [];
  });

  it('loads once until the time is over, also for callers at the same time', async () => {
    const cache = cacheOf();
    expect(await Promise.all([cache.get('a', load('1')), cache.get('a', load('2'))])).toEqual(['1', '1']);
    now = 99;
    expect(await cache.get('a', load('3'))).toBe('1');
    now = 100;
    expect(await cache.get('a', load('4'))).toBe('4');
    expect(loads).toEqual(['1', '4']);
  });

  it('counts the time from the start of the load', async () => {
    const cache = cacheOf();
    const slow = cache.get('a', async () => {
      now = 80;
      return '1';
    });
    await slow;
    now = 101;
    expect(await cache.get('a', load('2'))).toBe('2');
  });

  it('forgets a failed load and serves nothing older', async () => {
    const cache = cacheOf();
    await cache.get('a', load('1'));
    now = 100;
    await expect(cache.get('a', () => Promise.reject(new Error('away')))).rejects.toThrow('away');
    expect(await cache.get('a', load('2'))).toBe('2');
  });

  it('never holds more than its bound, dropping what was loaded first', async () => {
    const cache = cacheOf(2);
    await cache.get('a', load('a1'));
    await cache.get('b', load('b1'));
    await cache.get('c', load('c1'));
    expect(await cache.get('b', load('b2'))).toBe('b1');
    expect(await cache.get('a', load('a2'))).toBe('a2');
  });
});
