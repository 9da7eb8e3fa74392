import { describe, expect, it } from '@jest/globals';
import { inFull } from './sharing-answers.ts';

describe('answers of a function that answers many inputs', () => {
  it('have all that they name, the later before the earlier, and their own before both', () => {
    const shared = { tenant: { issuer: 'i', settings: 1, keys: null }, client: { client: 'c', settings: 2 } };
    const answers = [
      { shares: ['tenant', 'client'], session: 's' },
      { shares: ['client', 'tenant'] },
      { shares: ['tenant'], keys: ['k'] },
    ];
    expect(inFull({ shared, answers })).toEqual([
      { issuer: 'i', settings: 2, keys: null, client: 'c', session: 's' },
      { issuer: 'i', settings: 1, keys: null, client: 'c' },
      { issuer: 'i', settings: 1, keys: ['k'] },
    ]);
  });

  it('are what they are where they name nothing', () => {
    expect(inFull({ answers: [true, { outcome: 'alone' }, null] })).toEqual([true, { outcome: 'alone' }, null]);
  });
});
