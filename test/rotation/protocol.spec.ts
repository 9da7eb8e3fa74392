import { describe, expect, it } from '@jest/globals';
import { type Bounds, explore, type Fault } from './protocol.ts';

const all: Bounds = {
  requests: [2, 1, 1],
  lostAnswers: 1,
  crashes: 1,
  clockSteps: 1,
  revocations: 1,
  replaysMax: 2,
};

describe('every interleaving of two clients, a thief, a lost answer, a crash, a revocation and the clock (AS-18, AS-31)', () => {
  it.each<[string, Bounds]>([
    ['one client asks twice', all],
    ['the thief asks twice', { ...all, requests: [1, 1, 2], clockSteps: 2 }],
    ['a client asks three times', { ...all, requests: [3, 1], lostAnswers: 2, crashes: 2, clockSteps: 2 }],
    ['repetitions are capped at one', { ...all, requests: [2, 2], replaysMax: 1, clockSteps: 2 }],
  ])('keeps every promise: %s', (_what, bounds) => {
    const { broken, stuck, states } = explore(bounds);
    expect([...broken]).toEqual([]);
    expect(stuck).toEqual([]);
    expect(states).toBeGreaterThan(10_000);
  });

  it.each<[Fault, string]>([
    ['no fence', 'a refresh commits after a revocation of it has committed'],
    ['position after the checks, no fence', 'a token carries a position that outlives its revocation'],
    ['no row lock', 'a generation has two successors'],
    ['wide grace', 'a reuse outside the grace is not seen'],
    ['no cap', 'a reuse outside the grace is not seen'],
    ['no grace', 'somebody is logged out inside the grace'],
    ['no mark', 'a family refreshes after a reuse of it was seen'],
  ])('would find out: %s', (fault, promise) => {
    const { broken } = explore({ ...all, requests: [2, 2], replaysMax: 1, fault });
    expect([...broken.keys()]).toContain(promise);
  });
});
