import { describe, expect, it } from '@jest/globals';
import type { Actor } from '../event.ts';
import {
  type CutList,
  type CutProgress,
  type CutState,
  decideCutApproval,
  decideCutEnd,
  decideCutRefusal,
  decideCutRequest,
  decideCutUndo,
} from './cut.decider.ts';

const cutId = '0190a000-0000-7000-8000-000000000001';
const now = '2026-11-26T10:00:00.000Z';
const approvableUntil = '2026-11-27T10:00:00.000Z';
const key = (id: string): Actor => ({ kind: 'admin', id });
const person = (id: string, via: Actor, kind: Actor['kind'] = 'admin'): Actor => ({ kind, id, via });
const [a, b] = [key('a'), key('b')];

const list = (changes: Partial<CutList> = {}): CutList => ({
  selection: { subjects: ['software:agent-1'] },
  network: null,
  links: 3,
  people: 2,
  clients: 1,
  resources: 1,
  digest: 'd',
  expiresAt: '2026-11-26T10:30:00.000Z',
  ...changes,
});
const cut = (state: CutProgress, changes: Partial<NonNullable<CutState>> = {}): CutState => ({
  cutId,
  act: 'suspend',
  state,
  requestedBy: a,
  expiresAt: state === 'awaiting_approval' ? approvableUntil : null,
  ...changes,
});
const code = (expected: string) => expect.objectContaining({ code: expected });

describe('asking for a cut', () => {
  const request = (state: { list?: CutList | undefined; cut?: CutState; approvalAbove?: number | undefined }) =>
    decideCutRequest(
      { list: list(), cut: undefined, approvalAbove: 100, ...state },
      { cutId, act: 'revoke', reason: 'Bad', now, approvableUntil },
    );

  it('is one event that says what was previewed', () => {
    const [requested, ...rest] = request({});
    expect(rest).toEqual([]);
    expect(requested).toMatchObject({ streamId: cutId, payload: { act: 'revoke', links: 3, listDigest: 'd' } });
    expect(requested!.personal).toEqual({ reason: { subject: 'tenant', value: 'Bad' } });
    expect(request({ list: list({ network: '192.0.2.0/24' }) })[0]!.personal).toMatchObject({
      network: { subject: 'tenant', value: '192.0.2.0/24' },
    });
  });

  it.each([
    [2, approvableUntil],
    [3, null],
    [undefined, null],
  ])('of 3 links where more than %s take an approval can be approved until %s', (approvalAbove, expiresAt) => {
    expect(request({ approvalAbove })[0]!.payload).toMatchObject({ expiresAt });
  });

  it.each([
    ['cut.preview_not_found', { list: undefined }],
    ['cut.preview_not_found', { list: list({ expiresAt: now }) }],
    ['cut.empty', { list: list({ links: 0 }) }],
    ['cut.already_requested', { cut: cut('running') }],
  ])('is refused with %s', (expected, state) => {
    expect(() => request(state)).toThrow(code(expected));
  });
});

describe('approving a cut', () => {
  const approve = (requestedBy: Actor, by: Actor) =>
    decideCutApproval(cut('awaiting_approval', { requestedBy }), { by, now });

  it.each([
    ['another key', a, b],
    ['an operator', a, { kind: 'operator', id: 'o' } satisfies Actor],
    ['another person with the same key', person('p', a), person('q', a)],
    ['a key that acts for nobody, of somebody else', person('p', a), b],
  ])('is for %s', (_who, requestedBy, by) => {
    expect(approve(requestedBy, by).map((event) => event.definition.type)).toEqual(['CutApproved']);
  });

  it.each([
    ['the same key', a, a],
    ['the same person with another key', person('p', a), person('p', b)],
    ['the same key for a person', a, person('p', a)],
    ['the same key for nobody', person('p', a), a],
  ])('is not for %s', (_who, requestedBy, by) => {
    expect(() => approve(requestedBy, by)).toThrow(code('cut.own_request'));
  });

  it('is for admins', () => {
    expect(() => approve(a, person('p', b, 'user'))).toThrow(code('cut.approver_not_admin'));
  });

  it.each([
    ['cut.not_found', undefined, now],
    ['cut.not_awaiting_approval', cut('running'), now],
    ['cut.not_awaiting_approval', cut('refused'), now],
    ['cut.request_expired', cut('awaiting_approval'), approvableUntil],
  ])('is refused with %s, and so is refusing it', (expected, state, when) => {
    expect(() => decideCutApproval(state, { by: b, now: when })).toThrow(code(expected));
    expect(() => decideCutRefusal(state, { now: when })).toThrow(code(expected));
  });

  it('can be refused, or taken back, with a reason', () => {
    const [refused] = decideCutRefusal(cut('awaiting_approval'), { reason: 'No', now });
    expect([refused!.definition.type, refused!.personal]).toEqual([
      'CutRefused',
      { reason: { subject: 'tenant', value: 'No' } },
    ]);
  });
});

describe('undoing a cut', () => {
  it('is for suspensions that are finished, once', () => {
    expect(decideCutUndo(cut('finished'), { by: b }).map((event) => event.definition.type)).toEqual([
      'CutUndoRequested',
    ]);
    expect(decideCutUndo(cut('undoing'), { by: b })).toEqual([]);
    expect(decideCutUndo(cut('undone'), { by: b })).toEqual([]);
  });

  it.each([
    ['cut.not_found', undefined],
    ['cut.not_undoable', cut('finished', { act: 'revoke' })],
    ['cut.not_finished', cut('running')],
    ['cut.not_finished', cut('awaiting_approval')],
    ['cut.not_finished', cut('refused')],
    ['cut.by_operator', cut('finished', { requestedBy: { kind: 'operator', id: 'o' } })],
  ])('is refused with %s', (expected, state) => {
    expect(() => decideCutUndo(state, { by: b })).toThrow(code(expected));
  });
});

describe('the end of a cut', () => {
  const outcome = { left: 0, done: 3, passedOver: 1, receiptSeq: 9, resumed: 2, kept: 1 };
  it('says what came of it', () => {
    expect(decideCutEnd(cut('running'), outcome)[0]!.payload).toEqual({ cutId, done: 3, passedOver: 1, receiptSeq: 9 });
    expect(decideCutEnd(cut('undoing'), outcome)[0]!.payload).toEqual({ cutId, resumed: 2, kept: 1 });
    for (const state of ['awaiting_approval', 'refused', 'finished', 'undone'] as const)
      expect(decideCutEnd(cut(state), outcome)).toEqual([]);
  });

  it('has not come while something is left', () => {
    for (const state of ['running', 'undoing'] as const)
      expect(decideCutEnd(cut(state), { ...outcome, left: 1 })).toEqual([]);
  });
});
