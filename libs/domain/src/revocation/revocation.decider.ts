import { DomainError } from '@grantkeeper/kernel';
import { clientAccessRevoked } from '../client/client.events.ts';
import type { Actor, NewEvent, PersonalField, PersonalSubject } from '../event.ts';
import { familyRevoked, grantRevoked, type ReuseEvidence, tokenRevoked } from '../grant/grant.events.ts';
import { resourceAccessRevoked } from '../resource/resource.events.ts';
import { tenantAccessRevoked } from '../tenant/tenant.events.ts';
import { userAccessRevoked, userSuspended } from '../user/user.events.ts';
import { type ClientRuleState, decideClientRule } from '../client/client-rule.decider.ts';
import type { Because } from './because.ts';
import { isHeldFor } from './suspension.decider.ts';
import { pairAccessRevoked, pairId, type RevokedPair } from './pair.events.ts';

/** What a revocation names. Each is one event, whatever the number of links that it ends. */
export type RevocationTarget =
  | { readonly kind: 'token'; readonly grantId: string; readonly familyId: string; readonly tokenId: string }
  | { readonly kind: 'family'; readonly grantId: string; readonly familyId: string }
  | { readonly kind: 'grant'; readonly grantId: string }
  | { readonly kind: 'user'; readonly userId: string }
  | { readonly kind: 'client'; readonly clientId: string }
  | { readonly kind: 'resource'; readonly resourceId: string }
  | ({ readonly kind: 'pair' } & RevokedPair)
  | { readonly kind: 'tenant' };

export interface Revoke {
  readonly target: RevocationTarget;
  readonly because: Because;
  /** Free text of the person who revokes. */
  readonly reason?: string;
  /** What was seen of a refresh token that was reused. */
  readonly evidence?: ReuseEvidence;
  /** Keeps the person or the client out as well, in the same commit: a person is suspended, a client blocked by a rule. */
  readonly block?: boolean;
  /** Who keeps them out. */
  readonly by: Actor['kind'];
}

/** What is known of the target; for token, family and grant that is the grant. */
export interface RevocationState {
  readonly exists: boolean;
  /** Of a pair, the first of those named that is not there. */
  readonly missing?: 'user' | 'client' | 'resource';
  readonly grant?: {
    readonly grantId: string;
    /** Absent where a client acts for itself. */
    readonly userId?: string;
    readonly clientId: string;
    readonly resourceId: string;
    readonly ended: boolean;
    /** Suspended itself. */
    readonly suspended: boolean;
    /** Families under the grant that have not ended. */
    readonly livingFamilies: readonly string[];
  };
  /** For a token: it has been revoked before. */
  readonly tokenEnded?: boolean;
  /** Of a person: they are suspended, and by whom. */
  readonly suspended?: boolean;
  readonly suspendedBy?: Actor['kind'] | undefined;
  /** Of a client: the rules that blocking it is decided on. */
  readonly rules?: ClientRuleState;
}

/**
 * Ends access. Repeating it on what has already ended changes nothing (`[]`), except for user, client, resource, pair
 * and tenant: there it ends whatever was linked since. The last family of a grant takes the grant with it, since a link
 * without an installation is none (OA-58: a host that disconnects revokes its refresh token). A suspended grant stays
 * whatever its installations do: only an admin ends it, or the next consent would make one that is not suspended.
 */
export function decideRevocation(tenantId: string, state: RevocationState, command: Revoke): NewEvent[] {
  const { target, because } = command;
  if (target.kind === 'pair' && !namesTwo(target)) {
    const message = 'A pair names two of a person, a client and a resource, or all three.';
    throw new DomainError('revocation.pair_of_one', message, 'invalid', 'target');
  }
  if (!state.exists) {
    const what = state.missing ?? target.kind;
    throw new DomainError(`revocation.${what}_not_found`, `There is no such ${what}.`, 'not_found');
  }
  const reasonUnder = (subject: PersonalSubject): { reason?: PersonalField } =>
    command.reason === undefined ? {} : { reason: { subject, value: command.reason } };

  switch (target.kind) {
    case 'user':
      return [
        userAccessRevoked.on(target.userId, { userId: target.userId, because }, reasonUnder({ user: target.userId })),
        ...(command.block && !isHeldFor(command.by, state)
          ? [userSuspended.on(target.userId, { userId: target.userId }, reasonUnder({ user: target.userId }))]
          : []),
      ];
    case 'client':
      return [
        clientAccessRevoked.on(target.clientId, { clientId: target.clientId, because }, reasonUnder('tenant')),
        // All that the rule would have to hold has just ended.
        ...(command.block
          ? decideClientRule(
              state.rules ?? { rules: 0 },
              { subject: `client:${target.clientId}`, effect: 'block', scopes: null },
              command.by,
              command.reason,
            )
          : []),
      ];
    case 'resource':
      return [
        resourceAccessRevoked.on(target.resourceId, { resourceId: target.resourceId, because }, reasonUnder('tenant')),
      ];
    case 'pair': {
      const { kind: _kind, ...named } = target;
      const personal = reasonUnder(named.userId === undefined ? 'tenant' : { user: named.userId });
      return [pairAccessRevoked.on(pairId(named), { ...named, because }, personal)];
    }
    case 'tenant':
      return [tenantAccessRevoked.on(tenantId, { because }, reasonUnder('tenant'))];
    case 'grant':
    case 'family':
    case 'token': {
      const grant = state.grant;
      if (!grant || grant.ended) return [];
      const { grantId, userId, clientId, resourceId } = grant;
      const parties = { grantId, ...(userId !== undefined && { userId }), clientId, resourceId };
      const personal = reasonUnder(userId === undefined ? 'tenant' : { user: userId });
      const why = { because, ...(command.evidence && { evidence: command.evidence }) };
      const ending = (familyId: string) => familyRevoked.on(grantId, { ...parties, familyId, ...why }, personal);
      const stays = grant.suspended && !byAdmin.has(because);
      if (target.kind === 'grant')
        return stays ? grant.livingFamilies.map(ending) : [grantRevoked.on(grantId, { ...parties, ...why }, personal)];
      if (!grant.livingFamilies.includes(target.familyId)) return [];
      if (target.kind === 'token') {
        if (state.tokenEnded) return [];
        return [
          tokenRevoked.on(
            grantId,
            { ...parties, familyId: target.familyId, tokenId: target.tokenId, because },
            personal,
          ),
        ];
      }
      const family = ending(target.familyId);
      return stays || grant.livingFamilies.length > 1
        ? [family]
        : [family, grantRevoked.on(grantId, { ...parties, ...why }, personal)];
    }
  }
}

/** What ends a suspended grant too. */
const byAdmin: ReadonlySet<Because> = new Set(['admin', 'admin_consent_withdrawn']);

function namesTwo({ userId, clientId, resourceId }: RevokedPair): boolean {
  return [userId, clientId, resourceId].filter((party) => party !== undefined).length >= 2;
}
