import { OAuthError } from '@grantkeeper/kernel';

const MAX_SCOPES = 100;
const MAX_SCOPE_LENGTH = 256;

/**
 * The scopes in a `scope` parameter, each once, in code-unit order. Absent means none. Rejects with `invalid_scope`
 * what RFC 6749 §3.3 does not allow; superfluous spaces are forgiven.
 */
export function parseScope(value: string | undefined): readonly string[] {
  const tokens = (value ?? '').split(' ').filter((token) => token !== '');
  if (tokens.length > MAX_SCOPES) throw new OAuthError('invalid_scope', 'scope names too many scopes');
  if (!tokens.every(isScopeToken))
    throw new OAuthError('invalid_scope', 'scope contains a character that is not allowed');
  return ordered(tokens);
}

/** True for one scope name: printable ASCII without space, double quote and backslash (RFC 6749 §3.3). */
export function isScopeToken(value: string): boolean {
  return value.length <= MAX_SCOPE_LENGTH && /^[\x21\x23-\x5B\x5D-\x7E]+$/.test(value);
}

/** The `scope` parameter for `scopes`: equal sets give equal text. */
export function formatScope(scopes: readonly string[]): string {
  return ordered(scopes).join(' ');
}

/** The scopes that are in `a`, in `b` or in both. */
export function unionScopes(a: readonly string[], b: readonly string[]): readonly string[] {
  return ordered([...a, ...b]);
}

/** The scopes that are in `a` and in `b`. */
export function intersectScopes(a: readonly string[], b: readonly string[]): readonly string[] {
  return ordered(a.filter((scope) => b.includes(scope)));
}

/** True if every scope in `wanted` is in `granted`. */
export function coversScopes(granted: readonly string[], wanted: readonly string[]): boolean {
  return wanted.every((scope) => granted.includes(scope));
}

function ordered(scopes: readonly string[]): readonly string[] {
  return [...new Set(scopes)].sort();
}
