import { underCeiling } from '@grantkeeper/domain';
import { OAuthError } from '@grantkeeper/kernel';
import {
  formatScope,
  intersectScopes,
  isIssuerScope,
  matchResource,
  parseScope,
  requireCodeChallenge,
  type Parameters,
} from '@grantkeeper/oauth';
import type { AuthorizeContext, ContextResource } from '../authorize-context.ts';
import { OFFLINE_ACCESS } from './due-consent.ts';

/** What a proven client asks for. */
export interface RequestedAccess {
  readonly resource: ContextResource;
  readonly scopes: readonly string[];
  readonly codeChallenge: string;
  /** Comes back in the ID token. */
  readonly nonce: string | undefined;
  /** Thumbprint of the key that alone may redeem the code (RFC 9449 §10). */
  readonly dpopKey: string | undefined;
}

/** Checks what is asked for, in the order in which errors win. Each rejects with an `OAuthError` for the redirect. */
export function readRequestedAccess(
  parameters: Parameters,
  context: AuthorizeContext,
  /** The most that the tenant lets this client have; null for no limit. */
  ceiling: readonly string[] | null,
): RequestedAccess {
  refuseRequestObjects(parameters);
  requireCodeFlow(parameters);
  const codeChallenge = requireCodeChallenge(parameters.get('code_challenge'), parameters.get('code_challenge_method'));
  const resource = requireResource(parameters, context);
  const scopes = requireScopes(parameters, resource, ceiling);
  return { codeChallenge, resource, scopes, nonce: parameters.get('nonce'), dpopKey: readDpopKey(parameters) };
}

function readDpopKey(parameters: Parameters): string | undefined {
  const thumbprint = parameters.get('dpop_jkt');
  if (thumbprint !== undefined && !/^[A-Za-z0-9_-]{43}$/.test(thumbprint)) {
    throw new OAuthError('invalid_request', 'dpop_jkt is not a base64url-encoded SHA-256 thumbprint');
  }
  return thumbprint;
}

/** What OpenID Connect Core §3.1.2.6 has codes for: nothing may be taken from where we have not looked. */
function refuseRequestObjects(parameters: Parameters): void {
  if (parameters.get('request') !== undefined)
    throw new OAuthError('request_not_supported', 'signed request objects are not supported');
  if (parameters.get('request_uri') !== undefined)
    throw new OAuthError('request_uri_not_supported', 'only a request_uri of a pushed request is supported');
  if (parameters.get('registration') !== undefined)
    throw new OAuthError('registration_not_supported', 'a client cannot be registered by its request');
}

function requireCodeFlow(parameters: Parameters): void {
  const type = parameters.require('response_type');
  if (type !== 'code') throw new OAuthError('unsupported_response_type', 'response_type must be code');
  const mode = parameters.get('response_mode');
  if (mode !== undefined && mode !== 'query') throw new OAuthError('invalid_request', 'response_mode must be query');
}

/** One resource; the tenant's default one when the client names none (AS-26). */
function requireResource(parameters: Parameters, context: AuthorizeContext): ContextResource {
  const url = matchResource(
    parameters.all('resource'),
    context.resources.map((resource) => resource.url),
  );
  const resource = context.resources.find((candidate) =>
    url === undefined ? candidate.isDefault : candidate.url === url,
  );
  if (!resource) throw new OAuthError('invalid_target', 'resource is missing and there is no default');
  return resource;
}

/**
 * The scopes that can be granted of those asked for. Scopes of other resources are left out, as the answer's `scope`
 * will say (AS-34, AS-52); when none is left the request is refused. No scope at all asks for the default ones, and so
 * does `offline_access` alone; whoever asks only who the person is gets only that.
 */
function requireScopes(
  parameters: Parameters,
  resource: ContextResource,
  ceiling: readonly string[] | null,
): readonly string[] {
  const asked = parseScope(parameters.get('scope'));
  const offered = underCeiling(
    resource.scopes.map((scope) => scope.name),
    ceiling,
  );
  // A ceiling keeps a person's name and address from an app too; who it is and how long it stays are no permissions.
  const own = underCeiling(asked.filter(isIssuerScope), ceiling && [...ceiling, 'openid', OFFLINE_ACCESS]);
  const wanted = [...intersectScopes(asked, offered), ...own];
  if (wanted.some((scope) => scope !== OFFLINE_ACCESS)) return wanted;
  if (asked.length > own.length) {
    throw new OAuthError(
      'invalid_scope',
      `none of the scopes that were asked for is offered here; these are: ${formatScope(offered)}`,
    );
  }
  const fallback = resource.scopes.filter((scope) => scope.default && offered.includes(scope.name));
  if (fallback.length === 0)
    throw new OAuthError('invalid_scope', 'the administrator lets this app have no scope here');
  return [...fallback.map((scope) => scope.name), ...own];
}
