import type { PolicySettings } from '@grantkeeper/domain';
import { coversScopes } from '@grantkeeper/oauth';
import type { ContextAdminConsent, ContextGrant } from '../authorize-context.ts';
import type { ProvenRedirect } from './proven-redirect.ts';

/** Granting it opens nothing at a resource, so nobody is asked about it. */
export const OFFLINE_ACCESS = 'offline_access';

/**
 * What stands between a request and its code: nothing, when the link allows it (`remembered`) or an admin has consented
 * for everyone and policy lets that be silent (`by_admin`); a page that says so and waits for a click (`notice`); or the
 * consent page.
 */
export type DueConsent =
  { readonly kind: 'remembered' | 'page' } | { readonly kind: 'by_admin' | 'notice'; readonly adminConsentId: string };

export interface ConsentQuestion {
  readonly scopes: readonly string[];
  readonly grant: ContextGrant | undefined;
  readonly kind: ProvenRedirect['kind'];
  /** The grant was given to another version of the client's metadata. */
  readonly changed: boolean;
  /** What an admin has consented to for everyone that holds for this version: see `adminConsentFor`. */
  readonly adminConsent: ContextAdminConsent | undefined;
  readonly settings: PolicySettings;
  /** The client wants the person to be asked, whatever they have allowed before. */
  readonly asksAnew: boolean;
  /** Any local program can listen on a loopback address, so there a click must confirm who asks (RFC 8252 §8.6). */
  readonly loopback: boolean;
  readonly now: Date;
}

/** Decides it. An admin's consent never replaces one that a person gave: their link would end with it. */
export function dueConsent(question: ConsentQuestion): DueConsent {
  const { scopes, grant, adminConsent, settings, asksAnew, loopback } = question;
  const clickless = !asksAnew && !loopback;
  const allowed = grant !== undefined && coversScopes(grant.scopes, scopes);
  const own = grant?.admin_consent_id === null;
  if (allowed && clickless && own && !mustConsentToChange(question) && !consentHasExpired(question)) {
    return { kind: 'remembered' };
  }
  const byAdmin =
    adminConsent !== undefined &&
    coversScopes([...adminConsent.scopes, OFFLINE_ACCESS], scopes) &&
    (grant === undefined || grant.admin_consent_id !== null);
  if (!byAdmin) return { kind: 'page' };
  if (allowed && clickless && grant.admin_consent_id === adminConsent.consentId) return { kind: 'remembered' };
  const silent = settings.adminConsent === 'silent' && clickless;
  return { kind: silent ? 'by_admin' : 'notice', adminConsentId: adminConsent.consentId };
}

/**
 * The admin's consent for everyone, of those at one resource with the newest first, that holds for the version of the
 * client which asks. An admin has looked at one version: whoever publishes or registers the client could otherwise send
 * people anywhere in the admin's name (CIMD-25). Two kinds of change need no other look: what an admin has registered
 * only admins change, and policy may take the changes of a document as they come.
 */
export function adminConsentFor(
  client: Pick<ProvenRedirect, 'kind' | 'metadataDigest'>,
  consents: readonly ContextAdminConsent[],
  settings: Pick<PolicySettings, 'clientChanges'>,
): ContextAdminConsent | undefined {
  const ofVersion = consents.find((consent) => consent.metadataDigest === client.metadataDigest);
  const anyVersion = client.kind === 'registered' || (client.kind === 'cimd' && settings.clientChanges === 'accept');
  return ofVersion ?? (anyVersion ? consents[0] : undefined);
}

/**
 * Whether the link was given to another version of the client than the one that asks. Not said of what an admin has
 * registered: nobody else changes that.
 */
export function hasChangedSince(
  grant: Pick<ContextGrant, 'metadata_digest'> | undefined,
  client: Pick<ProvenRedirect, 'kind' | 'metadataDigest'>,
): boolean {
  return grant !== undefined && client.kind !== 'registered' && grant.metadata_digest !== client.metadataDigest;
}

/** Whether the change is the person's to accept (CIMD-25), rather than accepted as it comes: documents alone are. */
export function mustConsentToChange({
  changed,
  kind,
  settings,
}: Pick<ConsentQuestion, 'changed' | 'kind' | 'settings'>): boolean {
  return changed && !(kind === 'cimd' && settings.clientChanges === 'accept');
}

/** The tenant asks its people again after some days, and these are over. */
export function consentHasExpired({
  grant,
  settings,
  now,
}: Pick<ConsentQuestion, 'grant' | 'settings' | 'now'>): boolean {
  if (grant === undefined || grant.admin_consent_id !== null || settings.consentMaxAgeDays === undefined) return false;
  return Date.parse(grant.consented_at) + settings.consentMaxAgeDays * 86_400_000 <= now.getTime();
}
