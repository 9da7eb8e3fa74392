import { DomainError } from '@grantkeeper/kernel';
import { clientResumed, clientSuspended } from '../client/client.events.ts';
import type { Actor, NewEvent, PersonalField } from '../event.ts';
import { grantResumed, grantSuspended } from '../grant/grant.events.ts';
import { resourceResumed, resourceSuspended } from '../resource/resource.events.ts';
import { tenantResumed, tenantSuspended } from '../tenant/tenant.events.ts';
import { userResumed, userSuspended } from '../user/user.events.ts';
import type { RevocationTarget } from './revocation.decider.ts';

/** What can be suspended: a revocation that can be taken back. */
export type SuspensionTarget = Extract<
  RevocationTarget,
  { readonly kind: 'grant' | 'user' | 'client' | 'resource' | 'tenant' }
>;

export interface SuspensionState {
  readonly exists: boolean;
  readonly suspended: boolean;
  /** Who suspended it last. */
  readonly suspendedBy?: Actor['kind'] | undefined;
  /** Of a grant: its last suspension is that of a cut, whose undo would take it back. */
  readonly byCut?: boolean;
  /** Of a grant: between whom it is, and whether it has ended. */
  readonly grant?: {
    readonly grantId: string;
    readonly userId?: string;
    readonly clientId: string;
    readonly resourceId: string;
    readonly ended: boolean;
  };
}

/**
 * Suspends access; nothing when that has been done by somebody who can keep it so: what an admin has suspended an operator
 * suspends anew, and what a cut has suspended anybody who names it. Rejects with `suspension.*` what is not there or has
 * ended.
 */
export function decideSuspension(
  tenantId: string,
  state: SuspensionState,
  command: { readonly target: SuspensionTarget; readonly reason?: string | undefined; readonly by: Actor['kind'] },
): NewEvent[] {
  refuseUnknown(state, command.target);
  if (state.grant?.ended) throw new DomainError('suspension.grant_ended', 'The link has ended.', 'conflict');
  if (isHeldFor(command.by, state) && !state.byCut) return [];
  return [eventOf('suspended', tenantId, state, command.target, command.reason)];
}

/** Whether it is suspended, and a suspension by `by` would say no more: an operator's says more than an admin's. */
export function isHeldFor(
  by: Actor['kind'],
  { suspended, suspendedBy }: { readonly suspended?: boolean; readonly suspendedBy?: Actor['kind'] | undefined },
): boolean {
  return suspended === true && (by !== 'operator' || suspendedBy === 'operator');
}

/**
 * Resumes what is suspended; nothing when it is not. What an operator of the service has suspended is not for an admin of
 * the tenant to resume.
 */
export function decideResumption(
  tenantId: string,
  state: SuspensionState,
  command: { readonly target: SuspensionTarget; readonly reason?: string | undefined; readonly by: Actor['kind'] },
): NewEvent[] {
  refuseUnknown(state, command.target);
  if (!state.suspended) return [];
  if (state.suspendedBy === 'operator' && command.by !== 'operator') {
    const message = 'An operator of the service has suspended it; only an operator can resume it.';
    throw new DomainError('suspension.by_operator', message, 'forbidden');
  }
  return [eventOf('resumed', tenantId, state, command.target, command.reason)];
}

function refuseUnknown(state: SuspensionState, target: SuspensionTarget): void {
  if (!state.exists)
    throw new DomainError(`suspension.${target.kind}_not_found`, `There is no such ${target.kind}.`, 'not_found');
}

const events = {
  grant: { suspended: grantSuspended, resumed: grantResumed },
  user: { suspended: userSuspended, resumed: userResumed },
  client: { suspended: clientSuspended, resumed: clientResumed },
  resource: { suspended: resourceSuspended, resumed: resourceResumed },
  tenant: { suspended: tenantSuspended, resumed: tenantResumed },
} as const;

function eventOf(
  what: 'suspended' | 'resumed',
  tenantId: string,
  { grant }: SuspensionState,
  target: SuspensionTarget,
  reason: string | undefined,
): NewEvent {
  const under = (userId?: string): { reason?: PersonalField } =>
    reason === undefined
      ? {}
      : { reason: { subject: userId === undefined ? ('tenant' as const) : { user: userId }, value: reason } };
  switch (target.kind) {
    case 'grant': {
      const { ended: _ended, ...parties } = grant!;
      return events.grant[what].on(target.grantId, parties, under(parties.userId));
    }
    case 'user':
      return events.user[what].on(target.userId, { userId: target.userId }, under(target.userId));
    case 'client':
      return events.client[what].on(target.clientId, { clientId: target.clientId }, under());
    case 'resource':
      return events.resource[what].on(target.resourceId, { resourceId: target.resourceId }, under());
    case 'tenant':
      return events.tenant[what].on(tenantId, { tenantId }, under());
  }
}
