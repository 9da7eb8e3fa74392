import { InMemoryProofReplayStore } from './proof-replay-store.ts';

const proof = (id: string, expiresAt: number) => ({ id, expiresAt, keyThumbprint: 'k', nonce: undefined });

describe('InMemoryProofReplayStore', () => {
  it('takes a proof once, for as long as it could be accepted', () => {
    let now = 100;
    const store = new InMemoryProofReplayStore({ now: () => now });
    expect(store.remember(proof('a', 110))).toBe(true);
    expect(store.remember(proof('a', 110))).toBe(false);
    expect(store.remember(proof('b', 110))).toBe(true);
    now = 110;
    expect(store.remember(proof('a', 110))).toBe(false);
  });

  it('forgets what is too old, and refuses rather than forget anything else', () => {
    let now = 100;
    const store = new InMemoryProofReplayStore({ max: 2, now: () => now });
    store.remember(proof('a', 110));
    store.remember(proof('b', 120));
    expect(() => store.remember(proof('c', 120))).toThrow('Too many proofs');
    now = 111;
    expect(store.remember(proof('c', 120))).toBe(true);
    expect(store.remember(proof('b', 120))).toBe(false);
  });
});
