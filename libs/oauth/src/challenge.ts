import { toDescription } from './description.ts';

/** The error codes of a Bearer challenge (RFC 6750 §3.1). */
export type BearerErrorCode = 'invalid_request' | 'invalid_token' | 'insufficient_scope';

export interface BearerChallenge {
  /** URL of the protected resource metadata (RFC 9728 §5.1). */
  readonly resourceMetadata: string;
  /** Every scope that the operation needs (RS-05, RS-17). */
  readonly scope?: readonly string[] | undefined;
  /** Left out when the request carried no credentials at all (RS-13). */
  readonly error?: BearerErrorCode | undefined;
  readonly errorDescription?: string | undefined;
}

/**
 * The value of `WWW-Authenticate` (RFC 6750 §3, RFC 9110 §11.6.1): one Bearer challenge, each attribute once, always a
 * single line that needs no escaping, because characters outside the allowed sets are replaced.
 */
export function bearerChallenge({ resourceMetadata, scope, error, errorDescription }: BearerChallenge): string {
  const attributes: [string, string | undefined][] = [
    ['error', error],
    ['error_description', errorDescription === undefined ? undefined : toDescription(errorDescription)],
    ['scope', scope === undefined || scope.length === 0 ? undefined : toDescription(scope.join(' '))],
    ['resource_metadata', percentEncoded(resourceMetadata)],
  ];
  const present = attributes.filter(([, value]) => value !== undefined);
  return `Bearer ${present.map(([name, value]) => `${name}="${value}"`).join(', ')}`;
}

function percentEncoded(uri: string): string {
  return uri.toWellFormed().replace(/[^\x21\x23-\x5B\x5D-\x7E]/gu, (character) => encodeURIComponent(character));
}
