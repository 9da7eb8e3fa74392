import { jest } from '@jest/globals';
import { sharedAnswer } from './shared-answer.ts';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const afterwards = (): Promise<void> => jest.advanceTimersByTimeAsync(0).then(() => undefined);

describe('a shared answer', () => {
  test('is asked for once however many want it at once, and anew afterwards', async () => {
    const ask = jest.fn(async () => ask.mock.calls.length);
    const shared = sharedAnswer(ask);
    expect(await Promise.all([shared(), shared(), shared()])).toEqual([1, 1, 1]);
    await afterwards();
    expect(await shared()).toBe(2);
  });

  test('is kept as long as it is said, a failure not at all', async () => {
    let fails = false;
    const ask = jest.fn(() => (fails ? Promise.reject(new Error('away')) : Promise.resolve(ask.mock.calls.length)));
    const shared = sharedAnswer(ask, 1_000);
    await shared();
    await jest.advanceTimersByTimeAsync(900);
    expect(await shared()).toBe(1);
    fails = true;
    await jest.advanceTimersByTimeAsync(200);
    await expect(shared()).rejects.toThrow('away');
    fails = false;
    await afterwards();
    expect(await shared()).toBe(3);
  });

  test('that never comes is asked for anew after half a minute', async () => {
    const ask = jest.fn(() => new Promise<never>(() => undefined));
    const shared = sharedAnswer(ask);
    void shared();
    await jest.advanceTimersByTimeAsync(29_000);
    void shared();
    expect(ask).toHaveBeenCalledTimes(1);
    await jest.advanceTimersByTimeAsync(2_000);
    void shared();
    expect(ask).toHaveBeenCalledTimes(2);
  });
});
