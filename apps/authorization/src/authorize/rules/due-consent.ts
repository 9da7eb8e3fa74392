import type { PolicySettings } from '@grantkeeper/domain';
import { coversScopes } from '@grantkeeper/oauth';
import type { ContextAdminConsent, ContextGrant } from '../authorize-context.ts';

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
  /** The grant was given to another version of the client's metadata. */
  readonly changed: boolean;
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
  const clickless = !asksAnew && !loopback && !mustConsentToChange(question);
  const allowed = grant !== undefined && coversScopes(grant.scopes, scopes);
  if (allowed && clickless && grant.admin_consent_id === null && !consentHasExpired(question)) {
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

/** Whether another version of the client is the person's to accept (CIMD-25), rather than accepted as it comes. */
function mustConsentToChange({ changed, settings }: ConsentQuestion): boolean {
  return changed && settings.clientChanges !== 'accept';
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
