import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { toDescription } from './description.ts';

describe('toDescription', () => {
  it('keeps plain text as it is', () => {
    expect(toDescription('redirect_uri is not registered (see docs).')).toBe(
      'redirect_uri is not registered (see docs).',
    );
  });

  it('replaces quotes, backslashes, controls and whatever is not ASCII', () => {
    expect(toDescription('a "b" \\ c\r\nd é 🔑')).toBe("a 'b' ? c??d ? ?");
  });

  it('yields only characters that RFC 6749 §5.2 allows, whatever it is given', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 600 }), (text) => {
        expect(toDescription(text)).toMatch(/^[\x20-\x21\x23-\x5B\x5D-\x7E]{0,400}$/);
      }),
    );
  });
});
