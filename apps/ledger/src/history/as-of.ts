import { type Instant, type Moment, readMoment } from '@grantkeeper/history';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';

/** The moment that a caller asks about, in a query: a `seq` or a time. */
export const asOf = z.string().max(64).optional();

/** What the query names, or undefined for now. */
export function momentOf(words: string | undefined): Moment | undefined {
  return words === undefined ? undefined : readMoment(words);
}

/** Says beside an answer about the past to which position of the ledger it belongs. */
export function sayInstant(reply: FastifyReply, instant: Instant | undefined): void {
  if (!instant) return;
  void reply
    .header('grantkeeper-ledger-epoch', String(instant.epoch))
    .header('grantkeeper-ledger-seq', String(instant.seq))
    .header('grantkeeper-ledger-recorded-at', instant.recordedAt.toISOString());
}
