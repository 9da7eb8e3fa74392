import { ProgressBar } from './progress-bar.ts';

function terminal(isTTY: boolean): { stream: NodeJS.WriteStream; written: () => string } {
  let text = '';
  const stream = { isTTY, write: (part: string) => (text += part) } as unknown as NodeJS.WriteStream;
  return { stream, written: () => text };
}

describe('a progress bar', () => {
  it('is one line that is written over and cleared at the end', () => {
    const { stream, written } = terminal(true);
    const bar = new ProgressBar('acme', stream);
    bar.show(500, 2_000);
    bar.show(2_000, 2_000);
    bar.end();
    const lines = written().split('\r').slice(1);
    expect(lines).toEqual([
      '████████░░░░░░░░░░░░░░░░░░░░░░  25 %  acme  500 of 2,000\u001b[K',
      '██████████████████████████████ 100 %  acme  2,000 of 2,000\u001b[K',
      '\u001b[K',
    ]);
  });

  it('does not appear for what is done at once', () => {
    const { stream, written } = terminal(true);
    const bar = new ProgressBar('acme', stream);
    bar.show(8, 8);
    bar.show(0, 0);
    bar.end();
    expect(written()).toBe('');
  });

  it('leaves files and pipes alone', () => {
    const { stream, written } = terminal(false);
    const bar = new ProgressBar('acme', stream);
    bar.show(1, 2);
    bar.end();
    expect(written()).toBe('');
  });
});
