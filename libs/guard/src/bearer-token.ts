/**
 * The token in the value of an `Authorization` header, or undefined when the header has none (RFC 6750 §2.1). The only
 * place where a token may be: never the query or the body (RS-15).
 */
export function bearerToken(authorization: string | undefined): string | undefined {
  return /^Bearer +([A-Za-z0-9\-._~+/]+=*) *$/i.exec(authorization ?? '')?.[1];
}
