/** An access token as a request presents it. */
export interface PresentedToken {
  /** `DPoP` announces that a proof comes with it (RFC 9449 §7.1). */
  readonly scheme: 'Bearer' | 'DPoP';
  readonly token: string;
}

/**
 * The token in the value of an `Authorization` header, or undefined when the header has none (RFC 6750 §2.1, RFC 9449
 * §7.1). The only place where a token may be: never the query or the body (RS-15).
 */
export function presentedToken(authorization: string | undefined): PresentedToken | undefined {
  const [, scheme, token] = /^(Bearer|DPoP) +([A-Za-z0-9\-._~+/]+=*) *$/i.exec(authorization ?? '') ?? [];
  if (scheme === undefined || token === undefined) return undefined;
  return { scheme: scheme.toLowerCase() === 'dpop' ? 'DPoP' : 'Bearer', token };
}
