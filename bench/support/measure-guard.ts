import type { GuardFigure, GuardLine } from './guard-figure.ts';
import { describeMachine } from './machine.ts';
import type { Options } from './options.ts';
import { table } from './table.ts';

/** Measures figures of the guard in this process, and prints their table and what each includes. */
export async function measureGuard(figures: Readonly<Record<string, GuardFigure>>, options: Options): Promise<void> {
  const lines: GuardLine[] = [];
  console.log(describeMachine('not used').join('\n'));
  for (const [name, figure] of Object.entries(figures))
    lines.push(...(await figure.measure(options, (line) => console.log(`· ${name}: ${line}`))));
  console.log(
    `\n${table(
      ['the guard', 'measured', 'aim'],
      lines.map(({ what, value, aim = '' }) => [what, value, aim]),
    )}\n`,
  );
  for (const [name, { includes }] of Object.entries(figures)) console.log(`${name}: ${includes}`);
  console.log();
}
