import { describe, expect, it } from '@jest/globals';
import { type InstanceFacts, makeReceipt, type PointFacts } from './receipt.ts';

const recordedAt = new Date('2026-11-26T12:00:00Z');
const after = (ms: number): Date => new Date(recordedAt.getTime() + ms);
const instance = (changes: Partial<InstanceFacts> = {}): InstanceFacts => ({
  instanceId: 'i',
  lastLeaseAt: after(0),
  leftAt: null,
  acknowledgedAt: null,
  keys: [],
  whenUnreachable: 'refuse',
  ...changes,
});
const point = (one: InstanceFacts, changes: Partial<PointFacts> = {}): PointFacts => ({
  pointId: 'p',
  scope: 'tenant',
  name: 'API',
  resource: 'https://api.example/mcp',
  instances: [one],
  ...changes,
});
const one = (facts: PointFacts, now: Date, names = {}) => {
  const { settled, points } = makeReceipt({ recordedAt, names }, [facts], now);
  return { settled, ...points[0]!.instances[0]! };
};

describe('a receipt says of each instance', () => {
  it('when it acknowledged', () => {
    expect(one(point(instance({ acknowledgedAt: after(40) })), after(50))).toMatchObject({
      settled: true,
      state: 'acknowledged',
      acknowledgedAt: '2026-11-26T12:00:00.040Z',
    });
  });

  it('that it has yet to, as long as it is heard of', () => {
    expect(one(point(instance({ lastLeaseAt: after(-500) })), after(1_000))).toMatchObject({
      settled: false,
      state: 'pending',
    });
  });

  it('since when it is silent, and therefore refuses', () => {
    expect(one(point(instance({ lastLeaseAt: after(1_000) })), after(60_000))).toMatchObject({
      settled: true,
      state: 'silent',
      lastHeardAt: '2026-11-26T12:00:01.000Z',
      refusesSince: '2026-11-26T12:00:05.000Z',
    });
  });

  it('that a silent one may not have heard of it for some seconds, as the deltas that it may get are not written down', () => {
    const facts = point(instance({ lastLeaseAt: after(-60_000) }));
    const refusesSince = '2026-11-26T12:00:04.000Z';
    expect(one(facts, after(0))).toMatchObject({ settled: false, state: 'silent', refusesSince });
    expect(one(facts, after(3_999))).toMatchObject({ settled: false, state: 'silent', refusesSince });
    expect(one(facts, after(4_000))).toMatchObject({ settled: true, state: 'silent', refusesSince });
  });

  it('until when it may lag, where it degrades until expiry', () => {
    const facts = point(instance({ whenUnreachable: 'degrade_until_expiry' }));
    expect(one(facts, after(60_000))).toMatchObject({
      settled: false,
      state: 'silent',
      mayAcceptUntil: '2026-11-26T13:01:00.000Z',
    });
    expect(one(facts, after(61 * 60_000 + 1))).toMatchObject({ settled: true, state: 'gone' });
  });

  it('that it lags for no longer than it may go on without hearing anything', () => {
    const silent = instance({ lastLeaseAt: after(-50 * 60_000), whenUnreachable: 'degrade_until_expiry' });
    expect(one(point(silent), after(60_000))).toMatchObject({
      settled: false,
      state: 'silent',
      mayAcceptUntil: '2026-11-26T12:11:00.000Z',
    });
    expect(one(point(silent), after(11 * 60_000 + 1))).toMatchObject({ settled: true, state: 'gone' });
  });

  it('that it has said goodbye, or has been silent for longer than a token lives', () => {
    expect(one(point(instance({ leftAt: after(10) })), after(20))).toMatchObject({ settled: true, state: 'left' });
    expect(one(point(instance()), after(3 * 3_600_000))).toMatchObject({ settled: true, state: 'gone' });
  });

  it('whether it would still accept a signing key, where it names those that it would', () => {
    const of = (keys: string[], names: object) => one(point(instance({ keys })), after(1), names).acceptsKey;
    expect(of(['other', 'key-1'], { kid: 'key-1' })).toBe(true);
    expect(of(['other'], { kid: 'key-1' })).toBe(false);
    expect(of([], { kid: 'key-1' })).toBeUndefined();
    expect(of(['other', 'key-1'], { sub: 'key-1' })).toBeUndefined();
  });

  it('and counts them; a point that no instance has followed is named all the same', () => {
    const none = point(instance(), { pointId: 'q', instances: [] });
    const receipt = makeReceipt(
      { recordedAt, names: {} },
      [point(instance({ acknowledgedAt: after(1) })), none],
      after(2),
    );
    expect(receipt.instances).toEqual({ acknowledged: 1, pending: 0, silent: 0, left: 0, gone: 0 });
    expect(receipt.points.map(({ id, instances }) => [id, instances.length])).toEqual([
      ['p', 1],
      ['q', 0],
    ]);
  });
});

it('names a hundred of those that have ended, the last ones, and counts them all', () => {
  const ended = Array.from({ length: 300 }, (_, n) =>
    instance({ instanceId: `left-${n}`, lastLeaseAt: after(-n), leftAt: after(1) }),
  );
  const living = instance({ instanceId: 'living', acknowledgedAt: after(5) });
  const facts = point(living, { instances: [...ended.slice(0, 150), living, ...ended.slice(150)] });
  const { instances, points } = makeReceipt({ recordedAt, names: {} }, [facts], after(50));
  expect(instances).toMatchObject({ left: 300, acknowledged: 1 });
  const named = points[0]!.instances.map(({ id }) => id);
  expect(new Set(named)).toEqual(new Set(['living', ...ended.slice(0, 100).map(({ instanceId }) => instanceId)]));
});
