import { describe, expect, it } from '@jest/globals';
import { mergeAppends, type PreparedAppend } from './prepared-append.ts';

const append = (changes: Partial<PreparedAppend>): PreparedAppend => ({
  read: undefined,
  commands: [],
  create: false,
  epoch: undefined,
  wide: false,
  revokes: false,
  streams: [],
  events: [{}],
  facts: [],
  endFamilies: undefined,
  endsLastFamilyOf: undefined,
  unused: undefined,
  rows: {},
  ...changes,
});

describe('mergeAppends', () => {
  it('keeps events, streams and facts in order, and the oldest position that was read', () => {
    const fact = { kind: 'k', value: 'v', holder: 'h', expect: null };
    const stream = { type: 'grant', id: 'a', version: 0 };
    expect(
      mergeAppends([
        append({ events: [{ n: 1 }, { n: 2 }], read: { epoch: 1, seq: 9 }, streams: [stream] }),
        append({ events: [{ n: 3 }], read: { epoch: 1, seq: 7 }, facts: [fact] }),
        append({ events: [{ n: 4 }] }),
      ]),
    ).toEqual(
      append({
        events: [{ n: 1 }, { n: 2 }, { n: 3 }, { n: 4 }],
        read: { epoch: 1, seq: 7 },
        streams: [stream],
        facts: [fact],
      }),
    );
  });

  it('moves placeholders of positions, and what a command ended with, behind the appends before', () => {
    const command = { id: 'c', fingerprint: 'f', result: null, last: 1 };
    const row = { granted_seq: -1, consented_seq: 12, granted_at: '-infinity', revoked_seq: null, stream_version: -3 };
    expect(
      mergeAppends([
        append({ events: [{}, {}], rows: { grants: [row] } }),
        append({ commands: [command], rows: { grants: [row], codes: [{ born_seq: -1 }] } }),
      ]),
    ).toMatchObject({
      commands: [{ ...command, last: 3 }],
      rows: { grants: [row, { ...row, granted_seq: -3 }], codes: [{ born_seq: -3 }] },
    });
  });

  it.each([
    ['makes a ledger', { create: true }],
    ['is wide', { wide: true }],
    ['ends access', { revokes: true }],
    ['ends families', { endFamilies: ['f'] }],
    ['read another epoch', { read: { epoch: 2, seq: 1 } }],
    ['writes to the same stream', { streams: [{ type: 'grant', id: 'a', version: 1 }] }],
  ])('merges nothing where one %s', (_what, changes) => {
    const other = append({ read: { epoch: 1, seq: 1 }, streams: [{ type: 'grant', id: 'a', version: 0 }] });
    expect(mergeAppends([other, append(changes)])).toBeUndefined();
  });
});
