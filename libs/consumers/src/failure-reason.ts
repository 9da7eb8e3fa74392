import { UnknownEvent } from '@grantkeeper/domain';
import { OutboundError } from '@grantkeeper/outbound';

/** A receiver that answered, but not with success. */
export class DeliveryRefused extends Error {
  override readonly name = 'DeliveryRefused';
  constructor(readonly status: number) {
    super(`The receiver answered ${status}.`);
  }
}

/** A reader of the ledger found a hole in its numbers: never a race, always a bug or a damaged database. */
export class LedgerGap extends Error {
  override readonly name = 'LedgerGap';
  constructor(
    readonly expected: number,
    readonly found: number,
  ) {
    super(`The ledger continues with ${found} where ${expected} is due.`);
  }
}

/** What of an error may be stored and shown: never its text, which may quote data or a URL. */
export function failureReason(error: unknown): string {
  if (error instanceof OutboundError) return `outbound.${error.reason}`;
  if (error instanceof DeliveryRefused) return `http.${error.status}`;
  if (error instanceof LedgerGap) return 'ledger.gap';
  if (error instanceof UnknownEvent) return 'event.unknown';
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)) return `sql.${code}`;
  return error instanceof Error ? error.name : typeof error;
}
