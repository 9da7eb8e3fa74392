import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { NewEvent } from '../event.ts';
import {
  type DatedSigningKey,
  decideSigningKeyRotation,
  isSuccessorDue,
  signingKeySchedule,
} from './signing-key-rotation.decider.ts';

const HOUR = 3_600_000;
const start = Date.parse('2026-01-01T00:00:00Z');
const after = (ms: number): Date => new Date(start + ms);
const { activeMs, pendingMs, spreadMs, retiringMs } = signingKeySchedule;
/** When the next key is announced at the latest. */
const due = activeMs - pendingMs;

const key = (kid: string, state: DatedSigningKey['state'], changedAt = after(0)): DatedSigningKey => ({
  kid,
  use: 'access_token',
  alg: 'ES256',
  state,
  changedAt,
});
const successor = { kid: 'next', publicJwk: { kty: 'EC', kid: 'next' } };
const told = (events: readonly NewEvent[]): string[] =>
  events.map(({ definition, streamId }) => `${definition.type} ${streamId}`);

describe('the rotation of signing keys', () => {
  it('announces the next key a day before the present one has signed for its time, and not long before', () => {
    const keys = [key('one', 'active')];
    expect(isSuccessorDue(keys, after(due - spreadMs - HOUR))).toBe(false);
    expect(decideSigningKeyRotation(keys, after(due - spreadMs - HOUR), successor)).toEqual([]);
    expect(isSuccessorDue(keys, after(due))).toBe(true);
    expect(decideSigningKeyRotation(keys, after(due), successor)).toMatchObject([
      { definition: { type: 'SigningKeyCreated' }, payload: { kid: 'next', alg: 'ES256', state: 'pending' } },
    ]);
  });

  it('makes no keys without end, whatever the clock says', () => {
    const gone = ['a', 'b', 'c'].map((kid) => key(kid, 'retiring', after(due)));
    expect(isSuccessorDue([key('one', 'active'), ...gone], after(due))).toBe(false);
  });

  it('announces one at a time', () => {
    const keys = [key('one', 'active'), key('two', 'pending', after(due))];
    expect(isSuccessorDue(keys, after(due + HOUR))).toBe(false);
    expect(decideSigningKeyRotation(keys, after(due + HOUR), successor)).toEqual([]);
  });

  it('lets the next key sign when it has been published for a day, and the present one give way in the same commit', () => {
    const keys = [key('one', 'active'), key('two', 'pending', after(due))];
    expect(decideSigningKeyRotation(keys, after(due + pendingMs - 1), undefined)).toEqual([]);
    const events = decideSigningKeyRotation(keys, after(due + pendingMs), undefined);
    expect(told(events)).toEqual(['SigningKeySuperseded one', 'SigningKeyActivated two']);
    expect(events[0]!.payload).toEqual({ kid: 'one', by: 'two' });
  });

  it('retires a key when all that it has signed has expired', () => {
    const keys = [key('one', 'retiring'), key('two', 'active')];
    expect(decideSigningKeyRotation(keys, after(retiringMs - 1), undefined)).toEqual([]);
    expect(told(decideSigningKeyRotation(keys, after(retiringMs), undefined))).toEqual(['SigningKeyRetired one']);
  });

  it('touches no key that is retired or revoked, and makes none where nobody signs', () => {
    const keys = [key('one', 'retired'), key('two', 'revoked')];
    expect(decideSigningKeyRotation(keys, after(10 * activeMs), successor)).toEqual([]);
  });

  it('does not change all keys of a deployment on one day', () => {
    const days = new Set(
      Array.from({ length: 50 }, (_, at) => {
        const keys = [key(createHash('sha256').update(String(at)).digest('base64url'), 'active')];
        let hours = 0;
        while (!isSuccessorDue(keys, after(due - spreadMs + hours * HOUR))) hours += 1;
        return Math.floor(hours / 24);
      }),
    );
    expect(days.size).toBeGreaterThan(5);
  });

  it('has exactly one key that signs at every moment, published a day before, and publishes each until its tokens expire', () => {
    const pauses = fc.array(fc.integer({ min: 1, max: 20 * 24 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(pauses, (hours) => {
        let keys = [key('k0', 'active')];
        let now = after(0);
        const published = new Map([['k0', after(-pendingMs)]]);
        const lastSigned = new Map<string, Date>();
        for (const pause of hours) {
          now = new Date(now.getTime() + pause * HOUR);
          const next = { kid: `k${published.size}`, publicJwk: {} };
          for (const { definition, streamId: kid } of decideSigningKeyRotation(keys, now, next)) {
            const became = {
              SigningKeyActivated: 'active',
              SigningKeySuperseded: 'retiring',
              SigningKeyRetired: 'retired',
            };
            const state = became[definition.type as keyof typeof became] as DatedSigningKey['state'] | undefined;
            if (state === undefined) keys = [...keys, key(kid, 'pending', now)];
            else keys = keys.map((one) => (one.kid === kid ? { ...one, state, changedAt: now } : one));
            if (state === undefined) published.set(kid, now);
            if (state === 'active')
              expect(now.getTime() - published.get(kid)!.getTime()).toBeGreaterThanOrEqual(pendingMs);
            if (state === 'retiring') lastSigned.set(kid, now);
            if (state === 'retired')
              expect(now.getTime() - lastSigned.get(kid)!.getTime()).toBeGreaterThanOrEqual(retiringMs);
          }
          expect(keys.filter(({ state }) => state === 'active')).toHaveLength(1);
        }
      }),
    );
  });
});
