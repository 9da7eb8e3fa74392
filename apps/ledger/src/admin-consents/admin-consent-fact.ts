import type { UniqueFact } from '@grantkeeper/event-store';

/** Who holds the one consent for everyone that there may be for a version of a client at a resource. */
export function adminConsentFact(
  of: { readonly resourceId: string; readonly clientId: string; readonly metadataDigest: string },
  change: Pick<UniqueFact, 'holder' | 'expect'>,
): UniqueFact {
  return { kind: 'admin_consent', value: `${of.resourceId} ${of.metadataDigest} ${of.clientId}`, ...change };
}
