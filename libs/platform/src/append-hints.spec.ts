import { jest } from '@jest/globals';
import { tenantId } from '@grantkeeper/kernel';
import { AppendHints } from './append-hints.ts';

const A = tenantId('019c0000-0000-7000-8000-00000000000a');
const B = tenantId('019c0000-0000-7000-8000-00000000000b');

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

function recording() {
  const told: string[] = [];
  const hints = new AppendHints((tenant, seq) => Promise.resolve(told.push(`${tenant.at(-1)}${seq}`)), 100);
  return { hints, told };
}

describe('AppendHints', () => {
  test('tells the first at once and the newest of those that follow', () => {
    const { hints, told } = recording();
    for (const seq of [1, 2, 4, 3]) hints.appended(A, seq);
    expect(told).toEqual(['a1']);
    jest.advanceTimersByTime(100);
    expect(told).toEqual(['a1', 'a4']);
    jest.advanceTimersByTime(1_000);
    expect(told).toEqual(['a1', 'a4']);
  });

  test('one tenant does not wait for another', () => {
    const { hints, told } = recording();
    hints.appended(A, 1);
    hints.appended(B, 7);
    expect(told).toEqual(['a1', 'b7']);
  });

  test('tells at once again after a rest', () => {
    const { hints, told } = recording();
    hints.appended(A, 1);
    jest.advanceTimersByTime(100);
    hints.appended(A, 2);
    expect(told).toEqual(['a1', 'a2']);
  });
});
