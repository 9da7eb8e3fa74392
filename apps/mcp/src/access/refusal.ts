import {
  AccessRefusal,
  type ChallengingResource,
  credentialsRequired as credentialsRequiredAt,
  insufficientScope as insufficientScopeAt,
  invalidProof as invalidProofAt,
  invalidToken as invalidTokenAt,
  nonceRequired as nonceRequiredAt,
  type PresentedToken,
  type Standing,
  type TokenRefused,
  tokenRefused as tokenRefusedAt,
} from '@grantkeeper/guard';
import type { Caller } from './caller.ts';
import type { HostedResource } from './hosted-resources.ts';

export { AccessRefusal as Refusal, cannotTell } from '@grantkeeper/guard';

/** The same for a tenant, a resource and a page that do not exist (MT-09). */
export function notFound(): AccessRefusal {
  return new AccessRefusal(404, { error: 'not_found' });
}

export function foreignOrigin(): AccessRefusal {
  return new AccessRefusal(403, {
    error: 'forbidden_origin',
    error_description: 'Pages of this origin may not call this server.',
  });
}

export function wrongContentType(): AccessRefusal {
  return new AccessRefusal(415, { error: 'unsupported_media_type', error_description: 'Send application/json.' });
}

export function credentialsRequired(resource: HostedResource): AccessRefusal {
  return credentialsRequiredAt(challenging(resource));
}

export function invalidToken(
  resource: HostedResource,
  description: string,
  scheme?: PresentedToken['scheme'],
): AccessRefusal {
  return invalidTokenAt(challenging(resource), description, scheme);
}

/** The access of a token that is right has ended, for good or for a while. */
export function accessEnded(
  resource: HostedResource,
  standing: Standing,
  scheme: PresentedToken['scheme'],
): AccessRefusal {
  // What the feed has told of does not say which: a suspension denies for good what was issued before it.
  const description = standing === 'suspended' ? 'The access is suspended.' : 'The access has ended or is suspended.';
  return invalidToken(resource, description, scheme);
}

export function tokenRefused(
  resource: HostedResource,
  refused: TokenRefused,
  scheme: PresentedToken['scheme'],
): AccessRefusal {
  return tokenRefusedAt(challenging(resource), refused, scheme);
}

export function invalidProof(resource: HostedResource, description: string): AccessRefusal {
  return invalidProofAt(challenging(resource), description);
}

export function nonceRequired(resource: HostedResource, nonce: string): AccessRefusal {
  return nonceRequiredAt(challenging(resource), nonce);
}

export function insufficientScope({ resource, claims }: Caller, needed: readonly string[]): AccessRefusal {
  return insufficientScopeAt(challenging(resource), claims, needed);
}

function challenging({ url, scopes }: HostedResource): ChallengingResource {
  return {
    url,
    scopes: scopes.map(({ name }) => name),
    defaultScopes: scopes.filter((scope) => scope.default).map(({ name }) => name),
  };
}
