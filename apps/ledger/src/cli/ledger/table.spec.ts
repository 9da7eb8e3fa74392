import { table } from './table.ts';

describe('a table', () => {
  it('sets numbers to the right and the rest to the left', () => {
    expect(
      table(
        ['ledger', 'events', 'verified'],
        [
          ['acme', '1,234', 'never'],
          ['globex', '8', '✓ today'],
        ],
      ),
    ).toBe(
      ['ledger  events  verified', '──────  ──────  ────────', 'acme     1,234  never', 'globex       8  ✓ today'].join(
        '\n',
      ),
    );
  });

  it('is its head where there is nothing', () => {
    expect(table(['a'], [])).toBe('a\n─');
  });
});
