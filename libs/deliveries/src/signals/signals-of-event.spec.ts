import { eventCatalogue } from '@grantkeeper/domain';
import { deliveredOf, SIGNAL_EVENT_TYPES } from './signal-event-types.ts';
import { initiatorOf, SIGNALLED_EVENTS } from './signals-of-event.ts';

describe('security events', () => {
  test('are of events that there are', () => {
    const known = new Set(eventCatalogue.map(({ type }) => type));
    expect([...SIGNALLED_EVENTS].filter((type) => !known.has(type))).toEqual([]);
  });

  test('are delivered as asked for, of what there is; all when nothing was said', () => {
    expect(deliveredOf(null)).toEqual(SIGNAL_EVENT_TYPES);
    expect(deliveredOf([SIGNAL_EVENT_TYPES[1]!, 'urn:of:somebody:else'])).toEqual([SIGNAL_EVENT_TYPES[1]]);
    expect(deliveredOf([])).toEqual([]);
  });

  test.each([
    [{ kind: 'operator' }, {}, 'admin'],
    [{ kind: 'admin' }, { because: 'admin' }, 'admin'],
    [{ kind: 'user' }, {}, 'user'],
    [{ kind: 'client' }, { because: 'client' }, 'system'],
    [{ kind: 'system' }, { because: 'refresh_token_reused' }, 'policy'],
  ])('%j with %j is the doing of the %s', (actor, payload, initiator) => {
    expect(initiatorOf({ actor, payload })).toBe(initiator);
  });
});
