import { DomainError } from '@grantkeeper/kernel';
import type { NewEvent } from '../event.ts';
import {
  enforcementPointCredentialRotated,
  enforcementPointRegistered,
  enforcementPointRetired,
} from './enforcement-point.events.ts';

/** How many a tenant may have at a time: a point costs the feed streams and answers. */
export const MOST_POINTS = 200;

/** What is known of an enforcement point; undefined when there is none of that id. */
export type EnforcementPointState = { readonly pointId: string; readonly retired: boolean } | undefined;

/**
 * Registers an enforcement point for one resource; `points` is how many there are that have not been retired. Rejects with
 * `point.resource_not_found` or `point.too_many`.
 */
export function decideEnforcementPointRegistration(
  state: { readonly resourceExists: boolean; readonly points: number },
  command: { readonly pointId: string; readonly resourceId: string; readonly name: string },
): NewEvent[] {
  if (!state.resourceExists) {
    throw new DomainError('point.resource_not_found', 'There is no such resource.', 'not_found', 'resource');
  }
  if (state.points >= MOST_POINTS) {
    throw new DomainError('point.too_many', `A tenant has at most ${MOST_POINTS} enforcement points.`, 'conflict');
  }
  return [enforcementPointRegistered.on(command.pointId, { ...command })];
}

/** Replaces the credential. Rejects with `point.not_found` or `point.retired`. */
export function decideCredentialRotation(state: EnforcementPointState, overlapSeconds: number): NewEvent[] {
  const { pointId, retired } = existing(state);
  if (retired) {
    throw new DomainError('point.retired', 'The enforcement point has been retired. Register a new one.', 'conflict');
  }
  return [enforcementPointCredentialRotated.on(pointId, { pointId, overlapSeconds })];
}

/** Ends all its credentials; doing so again changes nothing. Rejects with `point.not_found`. */
export function decideEnforcementPointRetirement(state: EnforcementPointState): NewEvent[] {
  const { pointId, retired } = existing(state);
  return retired ? [] : [enforcementPointRetired.on(pointId, { pointId })];
}

function existing(state: EnforcementPointState): NonNullable<EnforcementPointState> {
  if (state) return state;
  throw new DomainError('point.not_found', 'There is no such enforcement point.', 'not_found');
}
