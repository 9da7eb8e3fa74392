import { describe, expect, it } from '@jest/globals';
import {
  decideResumption,
  decideSuspension,
  type SuspensionState,
  type SuspensionTarget,
} from './suspension.decider.ts';

const [tenantId, userId, resourceId, grantId] = [0, 1, 2, 3].map((n) => `0190a000-0000-7000-8000-00000000000${n}`) as [
  string,
  string,
  string,
  string,
];
const clientId = 'gkd_1';
const grant = { grantId, userId, clientId, resourceId, ended: false };
const targets: SuspensionTarget[] = [
  { kind: 'grant', grantId },
  { kind: 'user', userId },
  { kind: 'client', clientId },
  { kind: 'resource', resourceId },
  { kind: 'tenant' },
];
const there = (changes: Partial<SuspensionState> = {}): SuspensionState => ({
  exists: true,
  suspended: false,
  grant,
  ...changes,
});
const suspended = there({ suspended: true, suspendedBy: 'admin' });

describe.each(targets)('a suspension of a $kind', (target) => {
  it('is one event that ends what is out there, and one that takes it back', () => {
    const [held, ...rest] = decideSuspension(tenantId, there(), { target, reason: 'leave', by: 'admin' });
    expect([held!.definition.type.endsWith('Suspended'), held!.definition.endsAccess, rest]).toEqual([true, true, []]);
    const [back] = decideResumption(tenantId, suspended, { target, by: 'admin' });
    expect([back!.streamId, back!.definition.endsAccess]).toEqual([held!.streamId, false]);
    expect(back!.payload).toEqual(held!.payload);
  });

  it('changes nothing when there is nothing to change', () => {
    expect(decideSuspension(tenantId, suspended, { target, reason: 'leave', by: 'admin' })).toEqual([]);
    expect(decideResumption(tenantId, there(), { target, by: 'admin' })).toEqual([]);
  });

  it('needs something that is there', () => {
    const nothing = { exists: false, suspended: false };
    const code = `suspension.${target.kind}_not_found`;
    expect(() => decideSuspension(tenantId, nothing, { target, reason: 'x', by: 'admin' })).toThrow(
      expect.objectContaining({ code }),
    );
    expect(() => decideResumption(tenantId, nothing, { target, by: 'admin' })).toThrow(
      expect.objectContaining({ code }),
    );
  });

  it('by an operator takes the place of an admin’s, which an admin could take back', () => {
    const [anew] = decideSuspension(tenantId, suspended, { target, reason: 'abuse', by: 'operator' });
    expect(anew!.definition.type).toMatch(/Suspended$/);
    const held = there({ suspended: true, suspendedBy: 'operator' });
    for (const by of ['operator', 'admin'] as const)
      expect(decideSuspension(tenantId, held, { target, by })).toEqual([]);
  });

  it('by an operator is not for an admin to take back', () => {
    const state = there({ suspended: true, suspendedBy: 'operator' });
    expect(() => decideResumption(tenantId, state, { target, by: 'admin' })).toThrow(
      expect.objectContaining({ code: 'suspension.by_operator', kind: 'forbidden' }),
    );
    expect(decideResumption(tenantId, state, { target, by: 'operator' })).toHaveLength(1);
  });
});

it('a link that has ended is not suspended', () => {
  const state = there({ grant: { ...grant, ended: true } });
  expect(() => decideSuspension(tenantId, state, { target: targets[0]!, reason: 'x', by: 'admin' })).toThrow(
    expect.objectContaining({ code: 'suspension.grant_ended' }),
  );
});

it('overtakes what was decided before it, except of one link, whose own stream does', () => {
  const wide = targets.map(
    (target) => decideSuspension(tenantId, there(), { target, reason: 'x', by: 'admin' })[0]!.definition.wide,
  );
  expect(wide).toEqual([false, true, true, true, true]);
});

it('a link that a cut has suspended is suspended anew by whoever names it, so that the cut’s undo leaves it', () => {
  const target = { kind: 'grant', grantId } as const;
  expect(decideSuspension(tenantId, { ...suspended, byCut: true }, { target, by: 'admin' })).toHaveLength(1);
});
