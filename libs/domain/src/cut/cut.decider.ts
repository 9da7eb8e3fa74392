import { DomainError } from '@grantkeeper/kernel';
import type { Actor, NewEvent, PersonalField } from '../event.ts';
import {
  cutApproved,
  cutFinished,
  cutRefused,
  cutRequested,
  cutUndone,
  cutUndoRequested,
  type CutAct,
  type CutSelection,
} from './cut.events.ts';

export type CutProgress = 'awaiting_approval' | 'running' | 'refused' | 'finished' | 'undoing' | 'undone';

/** What is known of a cut; undefined when none of that id was asked for. */
export type CutState =
  | {
      readonly cutId: string;
      readonly act: CutAct;
      readonly state: CutProgress;
      readonly requestedBy: Actor;
      readonly expiresAt: string | null;
    }
  | undefined;

/** A list of links that a preview has frozen. */
export interface CutList {
  readonly selection: CutSelection;
  /** An address or prefix that consents came from. */
  readonly network: string | null;
  readonly links: number;
  readonly people: number;
  readonly clients: number;
  readonly resources: number;
  readonly digest: string;
  readonly expiresAt: string;
}

export interface RequestedCut {
  readonly cutId: string;
  readonly act: CutAct;
  readonly reason: string;
  /** When it is decided, ISO 8601. */
  readonly now: string;
  /** Until when somebody else could approve it, ISO 8601. */
  readonly approvableUntil: string;
}

/**
 * Asks for what a preview has shown to be ended or suspended. With more links than `approvalAbove` somebody else has to
 * approve it first. Rejects with `cut.preview_not_found`, `cut.already_requested`, `cut.empty`.
 */
export function decideCutRequest(
  state: { readonly list: CutList | undefined; readonly cut: CutState; readonly approvalAbove: number | undefined },
  command: RequestedCut,
): NewEvent[] {
  const { list, cut, approvalAbove } = state;
  if (cut) throw new DomainError('cut.already_requested', 'This preview was made a cut before.', 'conflict', 'preview');
  if (!list || list.expiresAt <= command.now) {
    const message = 'There is no such preview, or its time is over.';
    throw new DomainError('cut.preview_not_found', message, 'not_found', 'preview');
  }
  if (list.links === 0) throw new DomainError('cut.empty', 'The preview names no link.', 'conflict', 'preview');
  const { cutId, act } = command;
  const { selection, network, links, people, clients, resources, digest } = list;
  const expiresAt = approvalAbove !== undefined && links > approvalAbove ? command.approvableUntil : null;
  return [
    cutRequested.on(
      cutId,
      { cutId, act, selection, links, people, clients, resources, listDigest: digest, expiresAt },
      {
        ...ofTenant('reason', command.reason),
        ...ofTenant('network', network ?? undefined),
      },
    ),
  ];
}

export interface CutDecision {
  readonly by: Actor;
  readonly reason?: string | undefined;
  /** When it is decided, ISO 8601. */
  readonly now: string;
}

/**
 * Approves a cut: for an admin other than who has asked. Rejects with `cut.not_found`, `cut.not_awaiting_approval`,
 * `cut.request_expired`, `cut.approver_not_admin`, `cut.own_request`.
 */
export function decideCutApproval(cut: CutState, { by, reason, now }: CutDecision): NewEvent[] {
  const { cutId, requestedBy } = awaiting(cut, now);
  if (by.kind !== 'admin' && by.kind !== 'operator')
    throw new DomainError('cut.approver_not_admin', 'Only an admin can approve a cut.', 'forbidden');
  if (!areTwo(requestedBy, by)) {
    const message = 'Somebody other than who has asked for it must approve the cut, with another key.';
    throw new DomainError('cut.own_request', message, 'forbidden');
  }
  return [cutApproved.on(cutId, { cutId }, ofTenant('reason', reason))];
}

/** Refuses a cut, or takes it back: for any admin. Rejects as {@link decideCutApproval} for its state. */
export function decideCutRefusal(cut: CutState, { reason, now }: Omit<CutDecision, 'by'>): NewEvent[] {
  const { cutId } = awaiting(cut, now);
  return [cutRefused.on(cutId, { cutId }, ofTenant('reason', reason))];
}

/**
 * Has what a cut suspended resumed; nothing where that has been asked for. Rejects with `cut.not_found`, `cut.not_undoable`
 * for revocations, `cut.not_finished`, and with `cut.by_operator` when an operator of the service has asked for the cut
 * and none asks now.
 */
export function decideCutUndo(cut: CutState, { by, reason }: Omit<CutDecision, 'now'>): NewEvent[] {
  const { cutId, act, state, requestedBy } = known(cut);
  if (act !== 'suspend')
    throw new DomainError('cut.not_undoable', 'What was revoked stays so; only suspensions are undone.', 'conflict');
  if (state === 'undoing' || state === 'undone') return [];
  if (state !== 'finished')
    throw new DomainError('cut.not_finished', 'Only a cut that is finished can be undone.', 'conflict');
  if (requestedBy.kind === 'operator' && by.kind !== 'operator') {
    const message = 'An operator of the service has asked for the cut; only an operator can undo it.';
    throw new DomainError('cut.by_operator', message, 'forbidden');
  }
  return [cutUndoRequested.on(cutId, { cutId }, ofTenant('reason', reason))];
}

/** What became of the links of a list. */
export interface CutOutcome {
  /** Links that are still to be ended or suspended, or to be resumed where the cut is being undone. */
  readonly left: number;
  readonly done: number;
  readonly passedOver: number;
  readonly receiptSeq: number | null;
  readonly resumed: number;
  readonly kept: number;
}

/** Ends a cut, or its undoing. Nothing while something is left to do, or for one that is not under way. */
export function decideCutEnd(cut: CutState, outcome: CutOutcome): NewEvent[] {
  const { cutId, state } = known(cut);
  const { left, done, passedOver, receiptSeq, resumed, kept } = outcome;
  if (left > 0) return [];
  if (state === 'running') return [cutFinished.on(cutId, { cutId, done, passedOver, receiptSeq })];
  if (state === 'undoing') return [cutUndone.on(cutId, { cutId, resumed, kept })];
  return [];
}

function known(cut: CutState): NonNullable<CutState> {
  if (cut) return cut;
  throw new DomainError('cut.not_found', 'There is no such cut.', 'not_found');
}

function awaiting(cut: CutState, now: string): NonNullable<CutState> {
  const found = known(cut);
  if (found.state !== 'awaiting_approval')
    throw new DomainError('cut.not_awaiting_approval', 'The cut does not wait for approval.', 'conflict');
  if (found.expiresAt !== null && found.expiresAt <= now)
    throw new DomainError('cut.request_expired', 'Nobody approved the cut in time; ask again.', 'conflict');
  return found;
}

/**
 * Whether two actors are two: two people, where keys act for people and both are named, else two keys; a person is one
 * with however many keys.
 */
function areTwo(a: Actor, b: Actor): boolean {
  const [personA, personB] = [personOf(a), personOf(b)];
  if (personA !== undefined && personB !== undefined) return personA !== personB;
  return keyOf(a) !== keyOf(b);
}

function personOf(actor: Actor): string | undefined {
  return actor.via ? actor.id : undefined;
}

function keyOf(actor: Actor): string {
  return actor.via ? keyOf(actor.via) : actor.id;
}

function ofTenant<Field extends string>(field: Field, value: string | undefined): { [Name in Field]?: PersonalField } {
  if (value === undefined) return {};
  return { [field]: { subject: 'tenant', value } } as { [Name in Field]?: PersonalField };
}
