/** Why a request did not happen or its answer was not taken; stable, fit for logs and for `switch`. */
export type OutboundReason =
  | 'invalid_url'
  | 'scheme_refused'
  | 'credentials_in_url'
  | 'port_refused'
  | 'unresolvable'
  | 'address_refused'
  | 'connection_failed'
  | 'tls_failed'
  | 'timeout'
  | 'redirect_refused'
  | 'encoding_refused'
  | 'too_large'
  | 'invalid_response';

/**
 * A refusal or failure of the outbound client. The message names the reason only: a URL may hold a secret of its owner.
 */
export class OutboundError extends Error {
  override readonly name = 'OutboundError';
  constructor(
    readonly reason: OutboundReason,
    options?: { cause?: unknown },
  ) {
    super(`Outbound request: ${reason}`, options);
  }
}
