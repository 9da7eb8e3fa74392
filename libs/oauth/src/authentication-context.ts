/** A password over a protected session: the class of SAML 2.0 that OpenID Connect takes over (Core §2, `acr`). */
export const PASSWORD_CONTEXT = 'urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport';

/** Every class that a person's login here can be of: what `acr_values` may name with success. */
export const AUTHENTICATION_CONTEXTS: readonly string[] = [PASSWORD_CONTEXT];

/**
 * The class of a login, from its methods (RFC 8176): never more than they prove, whatever `acr_values` asked for, which
 * is a wish (OpenID Connect Core §5.5.1.1). Undefined for methods that make none of the classes.
 */
export function authenticationContextOf(methods: readonly string[]): string | undefined {
  return methods.includes('pwd') ? PASSWORD_CONTEXT : undefined;
}
