import { ConcurrencyError } from './errors.ts';

/**
 * SQLSTATEs of what passes by itself: the connection (08), too few resources (53), a server that stops, starts or has
 * failed over (57P, 25006), time-outs of a lock, a statement or a transaction (55P03, 57014, 25P03), and what only more
 * tries than were made would have carried through (40001, 40P01).
 */
const PASSING_STATES = /^(08|53|57P)|^(25006|25P03|40001|40P01|55P03|57014)$/;
const LOST_CONNECTIONS = [
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EAI_AGAIN',
];
/** What the driver says of a connection without giving it a code. */
const CONNECTION_LOST = /^(Connection terminated|timeout exceeded when trying to connect|Query read timeout)/;

/**
 * Whether an error is of a state that passes by itself: busy rows, or a database that is out of reach for a moment. The
 * request was carried out whole or not at all, and may be sent again.
 */
export function isPassingOutage(error: unknown): boolean {
  if (error instanceof ConcurrencyError) return true;
  if (!(error instanceof Error)) return false;
  const { code } = error as { code?: unknown };
  if (typeof code !== 'string') return CONNECTION_LOST.test(error.message);
  return PASSING_STATES.test(code) || LOST_CONNECTIONS.includes(code);
}

/** Seconds to wait before a request that met such a state is sent again. */
export const PASSING_OUTAGE_SECONDS = 2;
