import { DomainError } from '@grantkeeper/kernel';
import type { z } from 'zod';
import { sayWhatIsWrong } from './input-problem.ts';

/** How deep values may be nested: nothing that we read is half as deep, and whoever walks deeper ends on its stack. */
const DEEPEST = 32;

/** `input` as `schema` reads it; rejects with `request.invalid` naming the first field at fault. */
export function readInput<Output>(schema: z.ZodType<Output>, input: unknown): Output {
  refuseUnstorable(input, '', 0);
  const parsed = schema.safeParse(input, { error: sayWhatIsWrong });
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const unknown = issue.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [];
  const field = [...issue.path, ...unknown].join('.');
  throw new DomainError(
    'request.invalid',
    field
      ? `${field}: ${issue.message}`
      : issue.code === 'invalid_type'
        ? `the request ${issue.message}`
        : issue.message,
    'invalid',
    field || undefined,
  );
}

/** PostgreSQL holds neither U+0000 nor lone surrogates: refused here, they do not become a server error later. */
function refuseUnstorable(value: unknown, path: string, depth: number): void {
  if (typeof value === 'string' && (value.includes('\0') || !value.isWellFormed())) {
    throw new DomainError(
      'request.invalid',
      `${path || 'the request'}: contains a character that is not allowed`,
      'invalid',
      path || undefined,
    );
  }
  if (typeof value !== 'object' || value === null) return;
  if (depth > DEEPEST) throw new DomainError('request.invalid', 'The request is nested too deeply.', 'invalid');
  for (const [name, inner] of Object.entries(value)) {
    refuseUnstorable(name, path, depth);
    refuseUnstorable(inner, path ? `${path}.${name}` : name, depth + 1);
  }
}
