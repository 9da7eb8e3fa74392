import { OAuthError } from '@grantkeeper/kernel';
import type { Parameters } from '@grantkeeper/oauth';

/** The resource that a token request names, in canonical form, or null; more than one is `invalid_target` (AS-25). */
export function requestedResource(parameters: Parameters, canonical: (uri: string) => string): string | null {
  const named = [...new Set(parameters.all('resource').map(canonical))];
  if (named.length > 1) throw new OAuthError('invalid_target', 'a token is for one resource');
  return named[0] ?? null;
}
