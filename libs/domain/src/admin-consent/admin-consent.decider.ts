import { DomainError } from '@grantkeeper/kernel';
import { clientAdmitted, clientApproved, clientChanged } from '../client/client.events.ts';
import type { NewEvent } from '../event.ts';
import type { ConsentClient } from '../grant/consent.decider.ts';
import { adminConsentGiven, adminConsentWithdrawn } from './admin-consent.events.ts';

export interface AdminConsentState {
  readonly client?: ConsentClient | undefined;
  /** A rule blocks the client. */
  readonly blocked: boolean;
  readonly resource?: { readonly resourceId: string; readonly scopes: readonly string[] } | undefined;
  /** There is one for this version of the client and this resource that has not been withdrawn. */
  readonly given: boolean;
}

/**
 * An admin consents for everyone of the tenant, and approves the client with it. It is of one version of the client: what
 * changes has been looked at by nobody. Rejects with `consent.*`: it never allows what the tenant's policy or the resource
 * does not, and what it covers is never changed in place, since people were linked under what it said.
 */
export function decideAdminConsent(
  { client, blocked, resource, given }: AdminConsentState,
  command: { readonly consentId: string; readonly scopes: readonly string[] },
): NewEvent[] {
  if (!client) {
    throw new DomainError('consent.no_such_client', 'There is no such client.', 'not_found', 'clientId');
  }
  if (blocked) {
    throw new DomainError('consent.client_blocked', 'The client is blocked.', 'forbidden', 'clientId');
  }
  if (!resource) {
    throw new DomainError('consent.no_such_resource', 'There is no such resource.', 'not_found', 'resourceId');
  }
  const foreign = command.scopes.find((scope) => !resource.scopes.includes(scope));
  if (foreign !== undefined) {
    const message = `The resource has no scope ${foreign}.`;
    throw new DomainError('consent.unknown_scope', message, 'invalid', 'scopes');
  }
  if (given) {
    const message = 'There is one for this version of the client and this resource: withdraw it first.';
    throw new DomainError('consent.already_given', message, 'conflict');
  }
  const { clientId, kind, metadata, metadataDigest } = client;
  const subjects = [...client.subjects];
  const { resourceId } = resource;
  return [
    ...(client.admitted
      ? []
      : [clientAdmitted.on(clientId, { clientId, kind, metadata, metadataDigest, subjects, by: 'admin' })]),
    ...(client.admitted && client.changed
      ? [clientChanged.on(clientId, { clientId, metadata, metadataDigest, subjects, by: 'admin' })]
      : []),
    ...(client.admitted && !client.approved ? [clientApproved.on(clientId, { clientId })] : []),
    adminConsentGiven.on(command.consentId, {
      consentId: command.consentId,
      clientId,
      resourceId,
      metadataDigest,
      scopes: [...command.scopes],
    }),
  ];
}

/** An admin withdraws it: nothing when that has been done before. */
export function decideAdminConsentWithdrawal(
  state: {
    readonly consentId: string;
    readonly clientId: string;
    readonly resourceId: string;
    readonly withdrawn: boolean;
  },
  reason: string | undefined,
): NewEvent[] {
  if (state.withdrawn) return [];
  const { consentId, clientId, resourceId } = state;
  return [
    adminConsentWithdrawn.on(
      consentId,
      { consentId, clientId, resourceId },
      reason === undefined ? {} : { reason: { subject: 'tenant', value: reason } },
    ),
  ];
}
