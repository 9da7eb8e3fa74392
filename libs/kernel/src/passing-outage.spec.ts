import { describe, expect, it } from '@jest/globals';
import { ConcurrencyError, DomainError, OAuthError } from './errors.ts';
import { isPassingOutage } from './passing-outage.ts';

const withCode = (code: string): Error => Object.assign(new Error('canceling statement'), { code });

describe('an outage that passes', () => {
  it.each(['55P03', '57014', '57P01', '57P03', '53300', '08006', '25006', '40P01', 'ECONNREFUSED', 'ECONNRESET'])(
    'is %s',
    (code) => expect(isPassingOutage(withCode(code))).toBe(true),
  );

  it.each(['Connection terminated unexpectedly', 'timeout exceeded when trying to connect'])('is "%s"', (message) =>
    expect(isPassingOutage(new Error(message))).toBe(true),
  );

  it('is a state that others kept changing', () => {
    expect(isPassingOutage(new ConcurrencyError('overtaken', 'x'))).toBe(true);
  });

  it.each([
    ['a broken constraint', withCode('23505')],
    ['a statement that is wrong', withCode('42601')],
    ['data that is wrong', withCode('22P05')],
    ['a refusal', new DomainError('a.b', 'x')],
    ['a refusal of the protocol', new OAuthError('invalid_grant', 'x')],
    ['a bug', new TypeError('x is not a function')],
    ['what is no error', 'ECONNRESET'],
    ['nothing', undefined],
  ])('is not %s', (_what, error) => expect(isPassingOutage(error)).toBe(false));
});
