/**
 * Scopes that mean something to the issuer and nothing to a resource: who the person is (OpenID Connect Core §5.4) and
 * that the link outlasts the session (AS-29). They stand in the issuer's metadata, never in a resource's or in a challenge.
 */
export const ISSUER_SCOPES = ['openid', 'profile', 'email', 'offline_access'] as const;
export type IssuerScope = (typeof ISSUER_SCOPES)[number];

/** True for a scope of the issuer itself: no resource can have one of that name. */
export function isIssuerScope(scope: string): scope is IssuerScope {
  return ISSUER_SCOPES.some((own) => own === scope);
}
