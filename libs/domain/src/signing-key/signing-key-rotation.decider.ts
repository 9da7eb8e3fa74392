import type { NewEvent } from '../event.ts';
import type { AnnouncedKey, SigningKeyState } from './signing-key.decider.ts';
import {
  signingKeyActivated,
  signingKeyCreated,
  signingKeyRetired,
  signingKeySuperseded,
} from './signing-key.events.ts';

/** A key and since when it is in its state. */
export interface DatedSigningKey extends SigningKeyState {
  readonly changedAt: Date;
}

const HOUR_MS = 3_600_000;

/** How long a key is in each of its states, in milliseconds. */
export const signingKeySchedule = {
  /** Published before it signs: longer than verifiers keep a set of keys, so that nobody meets a key that they do not know. */
  pendingMs: 24 * HOUR_MS,
  /** Signing, from when it began until the next one takes over. */
  activeMs: 90 * 24 * HOUR_MS,
  /** The keys of a deployment that were made on one day do not all change on one day. */
  spreadMs: 9 * 24 * HOUR_MS,
  /** Published after it has signed: longer than the longest token that it has signed is valid, and verifiers' clocks differ. */
  retiringMs: 48 * HOUR_MS,
};

/** Keys of one use and algorithm that are published at once: the one that signs, and those around it. */
const MOST_ALIKE = 4;

/**
 * Whether the next key is to be made and announced, of the published keys of one use and algorithm: one signs, none waits, and the
 * one that signs will have signed for its time when the next has been published for its own.
 */
export function isSuccessorDue(keys: readonly DatedSigningKey[], now: Date): boolean {
  const { activeMs, pendingMs, spreadMs } = signingKeySchedule;
  const active = keys.find(({ state }) => state === 'active');
  // Whatever else is wrong, keys are not made without end.
  if (!active || keys.length >= MOST_ALIKE || keys.some(({ state }) => state === 'pending')) return false;
  return hasBeen(active, activeMs - pendingMs - share(active.kid) * spreadMs, now);
}

/**
 * What time has made due for the keys of one use and algorithm: `successor` is announced, a key that has been announced for
 * long enough signs from now on, and one that signs no more is published no more. At every moment exactly one key signs,
 * and everything that is valid can be verified.
 */
export function decideSigningKeyRotation(
  keys: readonly DatedSigningKey[],
  now: Date,
  successor: AnnouncedKey | undefined,
): NewEvent[] {
  const { pendingMs, retiringMs } = signingKeySchedule;
  const retired = keys
    .filter((key) => key.state === 'retiring' && hasBeen(key, retiringMs, now))
    .map(({ kid }) => signingKeyRetired.on(kid, { kid }));
  const active = keys.find(({ state }) => state === 'active');
  const next = keys.find((key) => key.state === 'pending' && hasBeen(key, pendingMs, now));
  if (active && next) {
    return [
      ...retired,
      signingKeySuperseded.on(active.kid, { kid: active.kid, by: next.kid }),
      signingKeyActivated.on(next.kid, { kid: next.kid }),
    ];
  }
  if (!active || !successor || !isSuccessorDue(keys, now)) return retired;
  const { use, alg } = active;
  const { kid, publicJwk } = successor;
  return [...retired, signingKeyCreated.on(kid, { kid, use, alg, state: 'pending', publicJwk: { ...publicJwk } })];
}

function hasBeen({ changedAt }: DatedSigningKey, ms: number, now: Date): boolean {
  return changedAt.getTime() + ms <= now.getTime();
}

/** A number from 0 to 1 that is the key's own: its name is a hash. */
function share(kid: string): number {
  return Array.from(kid).reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 1_000, 0) / 1_000;
}
