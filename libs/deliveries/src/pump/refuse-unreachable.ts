import { DomainError } from '@grantkeeper/kernel';
import type { OutboundClient } from '@grantkeeper/outbound';

/** Rejects with `receiver.unreachable` where nothing could ever be sent to the URL, so that nobody waits for it in vain. */
export function refuseUnreachable(outbound: OutboundClient, url: string, field: string): void {
  if (outbound.refusalOf(url) === undefined) return;
  throw new DomainError(
    'receiver.unreachable',
    `${field}: nothing is sent to addresses inside networks, nor without TLS, nor to ports of other protocols. OUTBOUND_ALLOW_LOOPBACK=true lets this machine be reached, for development.`,
    'invalid',
    field,
  );
}
