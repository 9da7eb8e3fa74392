import { DomainError } from '@grantkeeper/kernel';
import { z } from 'zod';

/** A moment of a ledger as a caller names it. */
export type Moment = { readonly seq: number } | { readonly time: Date };

const time = z.iso.datetime({ offset: true });

/**
 * A moment in words: a `seq`, or an ISO 8601 time with its zone. Rejects anything else with `history.as_of_invalid`.
 */
export function readMoment(words: string): Moment {
  if (/^\d{1,15}$/.test(words)) return { seq: Number(words) };
  const parsed = time.safeParse(words);
  if (parsed.success) return { time: new Date(parsed.data) };
  throw new DomainError(
    'history.as_of_invalid',
    'as_of is a position of the ledger (a whole number) or a time with its zone, such as 2026-11-23T10:00:00Z; in a URL write + as %2B.',
    'invalid',
    'as_of',
  );
}
