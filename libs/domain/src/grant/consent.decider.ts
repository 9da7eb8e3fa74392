import { DomainError } from '@grantkeeper/kernel';
import type { z } from 'zod';
import { judgeClient } from '../client/client-admission.decider.ts';
import type { ClientRule } from '../client/client-rule.decider.ts';
import { clientAdmitted, clientChanged } from '../client/client.events.ts';
import type { NewEvent } from '../event.ts';
import type { PolicySettings } from '../policy/policy.events.ts';
import { type consentShown, grantCreated, grantRenewed, grantWidened } from './grant.events.ts';

export interface ConsentClient {
  readonly clientId: string;
  readonly kind: 'cimd' | 'dynamic' | 'registered';
  /** False while the client is only a registration that nobody has consented to. */
  readonly admitted: boolean;
  /** An admin has admitted or approved it: in this version, or in another one. */
  readonly approved: boolean;
  /** It is known by another version of its metadata than the one that the person was shown. */
  readonly changed: boolean;
  readonly metadata: Record<string, z.core.util.JSONType>;
  readonly metadataDigest: string;
  /** What rules may name it by: see `clientSubjects` of libs/oauth. */
  readonly subjects: readonly string[];
}

export interface ConsentState {
  readonly tenantSuspended: boolean;
  readonly user: { readonly userId: string; readonly suspended: boolean };
  readonly client: ConsentClient;
  readonly settings: Pick<PolicySettings, 'clientAdmission' | 'clientChanges' | 'scopeCeiling'>;
  readonly rules: readonly ClientRule[];
  readonly resource: { readonly resourceId: string; readonly suspended: boolean; readonly scopes: readonly string[] };
  /** The link that is alive between the three, if there is one. */
  readonly grant?: { readonly grantId: string; readonly scopes: readonly string[] };
}

export interface GiveConsent {
  /** The id of the grant, should a new one be needed. */
  readonly newGrantId: string;
  /** What the person allows: what was shown, without what they left out. */
  readonly scopes: readonly string[];
  readonly shown: z.infer<typeof consentShown>;
  /** The admin's consent for everyone that stands for the person's own. */
  readonly adminConsentId?: string;
  /** Who has looked at this version of the client: the person, unless the page said otherwise or there was none. */
  readonly versionBy?: 'consent' | 'admin' | 'policy';
  /** Network address of the person's browser. */
  readonly address?: string;
}

/** Scopes that allow nothing, so that no ceiling is on them: who the person is, and that the link outlasts the session. */
const NO_PERMISSION: ReadonlySet<string> = new Set(['openid', 'offline_access']);

/**
 * A person consents. A link that is alive is widened or renewed; after a revocation there is always a new grant.
 * Rejects with `consent.*` when someone's access is suspended, the client is blocked or not allowed yet, or a scope is
 * not of the resource or above a ceiling.
 */
export function decideConsent(state: ConsentState, command: GiveConsent): { grantId: string; events: NewEvent[] } {
  const { client, user, resource, grant } = state;
  if (state.tenantSuspended || user.suspended || resource.suspended) {
    throw new DomainError('consent.suspended', 'Access is suspended by your administrator.', 'forbidden');
  }
  const { outcome, ceiling } = judgeClient({ settings: state.settings, rules: state.rules, ...client });
  if (outcome === 'blocked')
    throw new DomainError('consent.client_blocked', 'This app is blocked by your administrator.', 'forbidden');
  if (outcome !== 'allowed')
    throw new DomainError('consent.client_not_allowed', 'Your administrator has not allowed this app.', 'forbidden');
  if (command.scopes.length === 0)
    throw new DomainError('consent.empty_scope', 'A consent names at least one scope.', 'invalid', 'scope');
  const foreign = command.scopes.find((scope) => !resource.scopes.includes(scope));
  if (foreign !== undefined) {
    throw new DomainError('consent.unknown_scope', `The resource has no scope ${foreign}.`, 'invalid', 'scope');
  }
  const above = command.scopes.find((scope) => !NO_PERMISSION.has(scope) && ceiling?.includes(scope) === false);
  if (above !== undefined) {
    throw new DomainError('consent.above_ceiling', `Your administrator does not let apps have ${above}.`, 'forbidden');
  }

  const personal =
    command.address === undefined ? {} : { address: { subject: { user: user.userId }, value: command.address } };
  const events: NewEvent[] = [];
  const { clientId, metadata, metadataDigest } = client;
  const version = { metadata, metadataDigest, subjects: [...client.subjects] };
  if (!client.admitted) {
    events.push(clientAdmitted.on(clientId, { clientId, kind: client.kind, ...version, by: 'consent' }));
  } else if (client.changed) {
    events.push(clientChanged.on(clientId, { clientId, ...version, by: command.versionBy ?? 'consent' }));
  }
  const { shown } = command;
  const basis = command.adminConsentId === undefined ? {} : { adminConsentId: command.adminConsentId };
  if (!grant) {
    const parties = { userId: user.userId, clientId: client.clientId, resourceId: resource.resourceId };
    const payload = { grantId: command.newGrantId, ...parties, scopes: [...command.scopes], shown, ...basis };
    events.push(grantCreated.on(command.newGrantId, payload, personal));
    return { grantId: command.newGrantId, events };
  }
  const added = command.scopes.filter((scope) => !grant.scopes.includes(scope));
  events.push(
    added.length > 0
      ? grantWidened.on(grant.grantId, { scopes: [...grant.scopes, ...added], added, shown, ...basis }, personal)
      : grantRenewed.on(grant.grantId, { shown, ...basis }, personal),
  );
  return { grantId: grant.grantId, events };
}
