import type { z } from 'zod';

const TYPES: Readonly<Record<string, string>> = {
  string: 'text',
  boolean: 'true or false',
  number: 'a number',
  int: 'a whole number',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

/** What is wrong with a field, for whoever has sent it, to be read after its name; undefined where its schema says it itself. */
export function sayWhatIsWrong(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined && issue.expected !== 'object'
        ? 'is required'
        : `must be ${TYPES[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return `must be ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.join(', ')}`;
    case 'unrecognized_keys':
      return 'is not known here';
    case 'too_small':
      return `must ${amount(issue.origin, `at least ${issue.minimum}`, issue.minimum)}`;
    case 'too_big':
      return `must ${amount(issue.origin, `at most ${issue.maximum}`, issue.maximum)}`;
    default:
      return undefined;
  }
}

function amount(of: string, howMuch: string, number: number | bigint): string {
  if (of === 'string') return `have ${howMuch} ${number === 1 ? 'character' : 'characters'}`;
  if (of === 'array' || of === 'set') return `have ${howMuch} ${number === 1 ? 'entry' : 'entries'}`;
  return `be ${howMuch}`;
}
