import { describe, expect, it } from '@jest/globals';
import { OAuthError } from '@grantkeeper/kernel';
import fc from 'fast-check';
import { Parameters, readParameters } from './parameters.ts';

const refused = (description: string | RegExp) =>
  expect.objectContaining({
    code: 'invalid_request',
    description: typeof description === 'string' ? description : expect.stringMatching(description),
  });
const caught = (work: () => unknown): unknown => {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was refused');
};

describe('readParameters', () => {
  it('reads single values and keeps names it does not know', () => {
    const read = readParameters({ client_id: 'c', utm_source: 'x' });
    expect([read.get('client_id'), read.get('utm_source'), read.get('scope')]).toEqual(['c', 'x', undefined]);
  });

  it('treats an empty value as absent', () => {
    const read = readParameters({ scope: '', resource: ['', ''] }, ['resource']);
    expect([read.get('scope'), read.all('resource')]).toEqual([undefined, []]);
  });

  it('refuses a parameter sent twice, by name, even when the values are equal or empty', () => {
    expect(caught(() => readParameters({ state: ['a', 'a'] }))).toEqual(refused('state is sent more than once'));
    expect(caught(() => readParameters({ state: ['', 'a'] }))).toEqual(refused('state is sent more than once'));
  });

  it('accepts a repeatable parameter several times, up to a limit', () => {
    expect(readParameters({ resource: ['a', 'b'] }, ['resource']).all('resource')).toEqual(['a', 'b']);
    expect(caught(() => readParameters({ resource: Array.from({ length: 11 }, String) }, ['resource']))).toEqual(
      refused('resource is sent more than once'),
    );
  });

  it.each([[{ nested: 'x' }], [7], [null], [true], [['a', { b: 1 }]]])('refuses %j, which is not text', (value) => {
    expect(caught(() => readParameters({ resource: value }, ['resource']))).toEqual(refused('resource is not text'));
  });

  it('refuses what is larger than any client needs, and NUL', () => {
    expect(caught(() => readParameters({ state: 'x'.repeat(8_193) }))).toEqual(refused('state is too long'));
    expect(readParameters({ state: 'x'.repeat(8_192) }).get('state')).toHaveLength(8_192);
    const many = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`p${i}`, 'x']));
    expect(caught(() => readParameters(many))).toEqual(refused(/too many/));
    const heavy = Object.fromEntries(Array.from({ length: 5 }, (_, i) => [`p${i}`, 'x'.repeat(8_000)]));
    expect(caught(() => readParameters(heavy))).toEqual(refused('the request is too large'));
    expect(caught(() => readParameters({ ['n'.repeat(129)]: 'x' }))).toEqual(refused('the request is too large'));
    expect(caught(() => readParameters({ state: 'a\0b' }))).toEqual(refused('state contains a NUL character'));
  });

  it('does not repeat a hostile parameter name in the description', () => {
    expect(caught(() => readParameters({ '"><script>': ['a', 'b'] }))).toEqual(
      refused('a parameter is sent more than once'),
    );
  });

  it('knows nothing of the prototype', () => {
    const read = readParameters({});
    expect([read.get('constructor'), read.get('__proto__'), read.all('toString')]).toEqual([undefined, undefined, []]);
  });

  it('either reads a request or refuses it with invalid_request, whatever it holds', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.anything()), fc.array(fc.string()), (raw, repeatable) => {
        try {
          const read = readParameters(raw, repeatable);
          for (const name of Object.keys(raw)) {
            const all = read.all(name);
            expect(all.every((value) => typeof value === 'string' && value !== '')).toBe(true);
            if (!repeatable.includes(name)) expect(all.length).toBeLessThanOrEqual(1);
          }
        } catch (error) {
          if (!(error instanceof OAuthError)) throw error;
          expect(error.code).toBe('invalid_request');
        }
      }),
    );
  });
});

describe('Parameters.require', () => {
  it('returns a present value and refuses a missing one by name', () => {
    const read = new Parameters(new Map([['code', ['abc']]]));
    expect(read.require('code')).toBe('abc');
    expect(caught(() => read.require('code_verifier'))).toEqual(refused('code_verifier is missing'));
  });
});
