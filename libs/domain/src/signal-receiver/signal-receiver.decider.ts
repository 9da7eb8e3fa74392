import { DomainError } from '@grantkeeper/kernel';
import type { NewEvent } from '../event.ts';
import {
  signalReceiverCredentialRotated,
  signalReceiverRegistered,
  signalReceiverRemoved,
} from './signal-receiver.events.ts';

/** Every event is a row and a signature for each of their streams. */
export const MOST_SIGNAL_RECEIVERS = 20;

/** What is known of a receiver; undefined when there is none of that id, or it has been removed. */
export type SignalReceiverState = { readonly receiverId: string } | undefined;

/** Registers a receiver. Rejects with `receiver.too_many`. */
export function decideSignalReceiverRegistration(
  state: { readonly receivers: number },
  command: { readonly receiverId: string; readonly name: string; readonly audience: string },
): NewEvent[] {
  if (state.receivers >= MOST_SIGNAL_RECEIVERS) {
    throw new DomainError(
      'receiver.too_many',
      `A tenant has at most ${MOST_SIGNAL_RECEIVERS} receivers of security events.`,
      'conflict',
    );
  }
  return [signalReceiverRegistered.on(command.receiverId, { ...command })];
}

/** Replaces the credential. Rejects with `receiver.not_found`. */
export function decideSignalReceiverRotation(state: SignalReceiverState, overlapSeconds: number): NewEvent[] {
  const { receiverId } = existing(state);
  return [signalReceiverCredentialRotated.on(receiverId, { receiverId, overlapSeconds })];
}

/** Ends its credentials and streams. Rejects with `receiver.not_found`. */
export function decideSignalReceiverRemoval(state: SignalReceiverState): NewEvent[] {
  const { receiverId } = existing(state);
  return [signalReceiverRemoved.on(receiverId, { receiverId })];
}

function existing(state: SignalReceiverState): NonNullable<SignalReceiverState> {
  if (state) return state;
  throw new DomainError('receiver.not_found', 'There is no such receiver.', 'not_found');
}
