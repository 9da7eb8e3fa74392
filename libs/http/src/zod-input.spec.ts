import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { readInput } from './zod-input.ts';

const schema = z.strictObject({
  name: z.string().min(1).max(5),
  slug: z
    .string()
    .regex(/^[a-z]+$/, 'must be lower-case letters')
    .optional(),
  count: z.int().max(500).optional(),
  list: z
    .array(z.strictObject({ risky: z.boolean() }))
    .min(1)
    .optional(),
  state: z.enum(['active', 'ended']).optional(),
});

describe('an input that is not valid', () => {
  it.each([
    [{}, 'name', 'name: is required'],
    [undefined, undefined, 'the request must be an object'],
    [[], undefined, 'the request must be an object'],
    [{ name: 7 }, 'name', 'name: must be text'],
    [{ name: '' }, 'name', 'name: must have at least 1 character'],
    [{ name: 'longer' }, 'name', 'name: must have at most 5 characters'],
    [{ name: 'a', slug: 'A' }, 'slug', 'slug: must be lower-case letters'],
    [{ name: 'a', count: 501 }, 'count', 'count: must be at most 500'],
    [{ name: 'a', count: 1.5 }, 'count', 'count: must be a whole number'],
    [{ name: 'a', list: [] }, 'list', 'list: must have at least 1 entry'],
    [{ name: 'a', list: [{}] }, 'list.0.risky', 'list.0.risky: is required'],
    [{ name: 'a', list: [{ risky: 'no' }] }, 'list.0.risky', 'list.0.risky: must be true or false'],
    [{ name: 'a', state: 'open' }, 'state', 'state: must be one of active, ended'],
    [{ name: 'a', foo: 1 }, 'foo', 'foo: is not known here'],
    [{ name: 'a', list: [{ risky: true, foo: 1 }] }, 'list.0.foo', 'list.0.foo: is not known here'],
  ])('%j names the field and says what it must be', (input, field, message) => {
    expect(() => readInput(schema, input)).toThrow(
      expect.objectContaining({ code: 'request.invalid', field, message }),
    );
  });
});
