import { setImmediate as nextTurn } from 'node:timers/promises';
import { tenantId } from '@grantkeeper/kernel';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { v7 as uuidv7 } from 'uuid';
import { CallBatcher } from './call-batcher.ts';

const tenant = tenantId(uuidv7());

/** Statements that end when the test says so, in its words. */
function statements() {
  const under: { readonly inputs: unknown[]; readonly end: () => void }[] = [];
  const batcher = new CallBatcher(<Result>(name: string, _tenant: string, inputs: readonly string[]) => {
    const read = inputs.map((input) => JSON.parse(input) as unknown);
    return new Promise<Result[]>((resolve) => {
      under.push({ inputs: read, end: () => resolve(read.map((input) => `${name} ${String(input)}` as Result)) });
    });
  });
  return { under, batcher };
}

// What is left waiting here never becomes impatient by itself.
beforeEach(() => void jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] }));
afterEach(() => void jest.useRealTimers());

describe('calls of one tenant that share statements', () => {
  it('go alone when they come alone', () => {
    const { under, batcher } = statements();
    void batcher.call('f', tenant, 1, 'a');
    expect(under.map(({ inputs }) => inputs)).toEqual([[1]]);
  });

  it('go together when a statement is under way, in the order of what they lock, each with its own answer', async () => {
    const { under, batcher } = statements();
    const answers = ['d', 'c', 'b', 'a'].map((lock, at) => batcher.call<string>('f', tenant, `${lock}${at}`, lock));
    expect(under.map(({ inputs }) => inputs)).toEqual([['d0']]);
    under[0]!.end();
    expect(await answers[0]).toBe('f d0');
    await nextTurn();
    expect(under[1]!.inputs).toEqual(['a3', 'b2', 'c1']);
    under[1]!.end();
    expect(await Promise.all(answers)).toEqual(['f d0', 'f c1', 'f b2', 'f a3']);
  });

  it('go while another statement is under way when they fill one, two at a time at the most', async () => {
    const { under, batcher } = statements();
    for (let at = 0; at < 1 + 16 + 16 + 1; at += 1) void batcher.call('f', tenant, at, '');
    expect(under.map(({ inputs }) => inputs.length)).toEqual([1, 16]);
    under[1]!.end();
    await nextTurn();
    expect(under.map(({ inputs }) => inputs.length)).toEqual([1, 16, 16]);
    under[2]!.end();
    await nextTurn();
    expect(under).toHaveLength(3);
    under[0]!.end();
    await nextTurn();
    expect(under[3]!.inputs).toEqual([33]);
  });

  it('do not wait for a statement that stalls, nor those that come after it', async () => {
    const { under, batcher } = statements();
    for (const input of [1, 2, 3]) void batcher.call('f', tenant, input, '');
    await jest.advanceTimersByTimeAsync(19);
    expect(under).toHaveLength(1);
    await jest.advanceTimersByTimeAsync(1);
    expect(under[1]!.inputs).toEqual([2, 3]);
    void batcher.call('f', tenant, 4, '');
    under[1]!.end();
    await jest.advanceTimersByTimeAsync(20);
    expect(under[2]!.inputs).toEqual([4]);
  });

  it('never lock one row twice in a statement: the later call comes after it', async () => {
    const { under, batcher } = statements();
    for (const [at, lock] of ['x', 'y', 'a', 'a', 'b', 'a', ''].entries())
      void batcher.call('f', tenant, `${lock}${at}`, lock);
    under[0]!.end();
    await nextTurn();
    expect(under[1]!.inputs).toEqual(['6', 'a2', 'b4', 'y1']);
    under[1]!.end();
    await nextTurn();
    expect(under[2]!.inputs).toEqual(['a3']);
    under[2]!.end();
    await nextTurn();
    expect(under[3]!.inputs).toEqual(['a5']);
  });

  it('wait here for a row that is locked by a statement under way, and hold up nobody', async () => {
    const { under, batcher } = statements();
    for (let at = 0; at < 20; at += 1) void batcher.call('f', tenant, `x${at}`, 'x');
    expect(under.map(({ inputs }) => inputs)).toEqual([['x0']]);
    for (let at = 0; at < 16; at += 1) void batcher.call('f', tenant, at, '');
    expect(under[1]!.inputs).toHaveLength(16);
    under[1]!.end();
    await nextTurn();
    expect(under).toHaveLength(2);
    under[0]!.end();
    await nextTurn();
    expect(under[2]!.inputs).toEqual(['x1']);
  });

  it('have statements of their own where they must be alone, a few at a time and one for each row', async () => {
    const { under, batcher } = statements();
    const locks = ['a', 'a', 'b', 'c', 'd', 'e'];
    const answers = locks.map((lock, at) => batcher.callAlone<string>('f', tenant, `${lock}${at}`, lock));
    void batcher.call('f', tenant, 'shared', 'a');
    expect(under.map(({ inputs }) => inputs)).toEqual([['a0'], ['b2'], ['c3'], ['d4'], ['shared']]);
    under[1]!.end();
    expect(await answers[2]).toBe('f b2');
    await nextTurn();
    expect(under[5]!.inputs).toEqual(['e5']);
    under[0]!.end();
    await nextTurn();
    expect(under[6]!.inputs).toEqual(['a1']);
  });

  it('are sixteen at the most in one statement', async () => {
    const { under, batcher } = statements();
    for (let at = 0; at < 20; at += 1) void batcher.call('f', tenant, at, '');
    expect(under[1]!.inputs).toHaveLength(16);
    for (const { end } of under) end();
    await nextTurn();
    expect(under[2]!.inputs).toEqual([17, 18, 19]);
  });

  it('share nothing with those of another tenant or function', () => {
    const { under, batcher } = statements();
    for (const name of ['f', 'g'])
      for (const each of [tenant, tenantId(uuidv7())]) void batcher.call(name, each, name, '');
    expect(under.map(({ inputs }) => inputs)).toEqual([['f'], ['f'], ['g'], ['g']]);
  });

  it('are refused, and never made, when they have not begun after five seconds', async () => {
    const { under, batcher } = statements();
    const [first, second] = [1, 2].map((input) => batcher.call('f', tenant, input, 'x'));
    const late = second!.catch((error: unknown) => error);
    await jest.advanceTimersByTimeAsync(5_000);
    expect(await late).toMatchObject({ code: '53000' });
    under[0]!.end();
    expect(await first).toBe('f 1');
    await jest.advanceTimersByTimeAsync(0);
    expect(under).toHaveLength(1);
  });

  it('are refused after five seconds also when they were the ones that filled a statement', async () => {
    const { under, batcher } = statements();
    const calls = ['x', ...Array.from({ length: 14 }, (_, at) => `a${at}`), 'a0', 'a1', 'b', 'c'].map((lock) =>
      batcher.call('f', tenant, lock, lock).catch((error: unknown) => (error as { code: string }).code),
    );
    expect(under.map(({ inputs }) => inputs.length)).toEqual([1, 16]);
    await jest.advanceTimersByTimeAsync(5_000);
    expect(await Promise.all([calls[15], calls[16]])).toEqual(['53000', '53000']);
  });

  it('are refused at once when too many wait for the same row', async () => {
    const { under, batcher } = statements();
    for (let at = 0; at < 1 + 64; at += 1) void batcher.call('f', tenant, at, 'x');
    await expect(batcher.call('f', tenant, 'one more', 'x')).rejects.toMatchObject({ code: '53000' });
    const other = batcher.call<string>('f', tenant, 'other', 'y');
    under[0]!.end();
    await nextTurn();
    expect(under[1]!.inputs).toEqual([1, 'other']);
    under[1]!.end();
    expect(await other).toBe('f other');
  });

  it('do not wait for a statement that stalls when they were not enough to fill another before it', async () => {
    const { under, batcher } = statements();
    const sixteen = Array.from({ length: 16 }, (_, at) => `a${at}`);
    for (const lock of ['first', ...sixteen, ...sixteen]) void batcher.call('f', tenant, lock, lock);
    expect(under.map(({ inputs }) => inputs.length)).toEqual([1, 16]);
    for (const at of [0, 1, 2]) void batcher.call('f', tenant, `b${at}`, '');
    under[1]!.end();
    under[0]!.end();
    await nextTurn();
    expect(under).toHaveLength(3);
    await jest.advanceTimersByTimeAsync(20);
    expect(under[3]!.inputs).toHaveLength(3);
  });

  it('begin anew when all have ended', async () => {
    const { under, batcher } = statements();
    const first = batcher.call('f', tenant, 1, '');
    under[0]!.end();
    await first;
    await nextTurn();
    void batcher.call('f', tenant, 2, '');
    expect(under[1]!.inputs).toEqual([2]);
  });
});
