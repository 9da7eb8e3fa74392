/** What kind of refusal a {@link DomainError} is; the transport chooses a status from it. */
export type DomainErrorKind =
  'invalid' | 'not_found' | 'conflict' | 'forbidden' | 'unauthenticated' | 'too_many' | 'unavailable';

/**
 * A refusal by a business rule. `code` is stable (`<area>.<snake_case>`) and listed in docs/errors.md;
 * `message` may be shown to the caller; `field` names the input at fault, as a JSON path.
 */
export class DomainError extends Error {
  override readonly name = 'DomainError';
  constructor(
    readonly code: string,
    message: string,
    readonly kind: DomainErrorKind = 'invalid',
    readonly field?: string,
  ) {
    super(message);
  }
}

/** A budget is exhausted; nothing was done. Every transport answers 429 with `Retry-After`. */
export class RateLimited extends DomainError {
  constructor(
    /** For the metrics; not shown to the caller. */
    readonly budget: string,
    readonly retryAfterSeconds: number,
  ) {
    super(
      'limits.exceeded',
      'There were too many requests of this kind. Wait as long as Retry-After says.',
      'too_many',
    );
  }
}

/** Seconds to wait after a refusal of kind `too_many`: what the budget says, else a moment. */
export function retryAfterOf(error: DomainError): number {
  return error instanceof RateLimited ? error.retryAfterSeconds : 5;
}

/** The error codes that this authorization server sends, grouped by the document that defines them. */
export type OAuthErrorCode =
  // RFC 6749 §4.1.2.1, §5.2
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_grant'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  | 'unsupported_response_type'
  | 'invalid_scope'
  | 'access_denied'
  | 'server_error'
  | 'temporarily_unavailable'
  // RFC 6750 §3.1
  | 'invalid_token'
  // RFC 7009 §2.2.1
  | 'unsupported_token_type'
  // RFC 9449 §5, §8
  | 'invalid_dpop_proof'
  | 'use_dpop_nonce'
  // RFC 7591 §3.2.2
  | 'invalid_redirect_uri'
  | 'invalid_client_metadata'
  // RFC 8707 §2
  | 'invalid_target'
  // OpenID Connect Core §3.1.2.6
  | 'login_required'
  | 'consent_required'
  | 'interaction_required'
  | 'request_not_supported'
  | 'request_uri_not_supported'
  | 'registration_not_supported';

/** A protocol error. `description` is sent to the client; `cause` never leaves the process. */
export class OAuthError extends Error {
  override readonly name = 'OAuthError';
  readonly retryAfterSeconds: number | undefined;
  constructor(
    readonly code: OAuthErrorCode,
    readonly description: string,
    options?: {
      readonly cause?: unknown;
      /** With `temporarily_unavailable`: when it may be worth asking again. */
      readonly retryAfterSeconds?: number;
    },
  ) {
    super(`${code}: ${description}`, options);
    this.retryAfterSeconds = options?.retryAfterSeconds;
  }
}

/** Why a decision has to be made again. */
export const CONCURRENCY_REASONS = ['stream_version', 'overtaken', 'unique_fact', 'epoch', 'serialization'] as const;

/** The state that a decision was read from has changed: reload, decide again, append again. */
export class ConcurrencyError extends Error {
  override readonly name = 'ConcurrencyError';
  constructor(
    readonly reason: (typeof CONCURRENCY_REASONS)[number],
    message: string,
  ) {
    super(message);
  }
}
