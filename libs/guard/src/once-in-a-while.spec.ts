import { RevocationsLost } from './feed/revocations-lost.ts';
import { onceInAWhile } from './once-in-a-while.ts';

describe('onceInAWhile', () => {
  it('tells the same trouble once in 30 seconds, another at once, and lost revocations always', () => {
    let at = 0;
    const told: string[] = [];
    const { tell, forget } = onceInAWhile(
      (trouble) => told.push((trouble as Error).message),
      () => at,
    );
    const pass = (ms: number, ...messages: string[]): string[] => {
      at += ms;
      for (const message of messages) tell(new Error(message));
      return told.splice(0);
    };
    expect(pass(0, 'fetch failed', 'fetch failed')).toEqual(['fetch failed']);
    expect(pass(29_999, 'fetch failed', 'late')).toEqual(['late']);
    expect(pass(1, 'fetch failed', 'late')).toEqual(['fetch failed']);
    tell(new RevocationsLost([]));
    tell(new RevocationsLost([]));
    expect(told.splice(0)).toHaveLength(2);
    expect(pass(1, 'late')).toEqual([]);
    forget();
    expect(pass(0, 'late')).toEqual(['late']);
  });
});
