import { DomainError } from '@grantkeeper/kernel';
import type { z } from 'zod';

/** `input` as `schema` reads it; rejects with `request.invalid` naming the first field at fault. */
export function readInput<Output>(schema: z.ZodType<Output>, input: unknown): Output {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const field = issue.path.join('.');
  throw new DomainError('request.invalid', field ? `${field}: ${issue.message}` : issue.message, 'invalid', field || undefined);
}
