import ts from 'typescript';
import { filesBelow, readRepositoryFile } from './documents.ts';

/** A test, or a group of tests, by what it is called. */
export interface TestTitle {
  readonly file: string;
  /** As it stands in the source; what is filled in at run time is shown as `…`. */
  readonly title: string;
  /** Rows of `it.each` are text of the test too: they may name what each row shows. */
  readonly rows: string;
}

const NAMES = new Set(['it', 'test', 'describe', 'suite']);

/** Every `it`, `test` and `describe` in the repository, with `.each` and the like; skipped ones do not count. */
export function testTitles(): TestTitle[] {
  const files = filesBelow(
    ['apps', 'libs', 'db', 'test'],
    (path) => /\.(int-|e2e-|long-)?spec\.ts$/.test(path) || path.startsWith('test/support/clients/'),
  );
  return files.flatMap((file) => {
    const source = ts.createSourceFile(file, readRepositoryFile(file), ts.ScriptTarget.Latest, true);
    const found: TestTitle[] = [];
    const visit = (node: ts.Node): void => {
      if (ts.isCallExpression(node)) {
        const name = calledName(node.expression);
        const [title] = node.arguments;
        if (name !== undefined && title && NAMES.has(name.root) && !name.rest.includes('skip')) {
          const text = textOf(title);
          if (text !== undefined) found.push({ file, title: text, rows: rowsOf(node.expression, source) });
        }
      }
      node.forEachChild(visit);
    };
    visit(source);
    return found;
  });
}

/** `it`, `it.only.each(…)`, and `(available ? it : it.skip)`, which runs where it can. */
function calledName(called: ts.Expression): { root: string; rest: string[] } | undefined {
  if (ts.isIdentifier(called)) return { root: called.text, rest: [] };
  if (ts.isPropertyAccessExpression(called)) {
    const inner = calledName(called.expression);
    return inner && { root: inner.root, rest: [...inner.rest, called.name.text] };
  }
  if (ts.isCallExpression(called)) {
    const inner = calledName(called.expression);
    return inner?.rest.at(-1) === 'each' ? inner : undefined;
  }
  if (ts.isParenthesizedExpression(called) && ts.isConditionalExpression(called.expression))
    return calledName(called.expression.whenFalse)?.rest.includes('skip')
      ? calledName(called.expression.whenTrue)
      : calledName(called.expression.whenFalse);
  return undefined;
}

function rowsOf(called: ts.Expression, source: ts.SourceFile): string {
  if (!ts.isCallExpression(called)) return '';
  const [rows] = called.arguments;
  if (rows && ts.isIdentifier(rows)) return declaredText(rows.text, source);
  return rows?.getText() ?? '';
}

function declaredText(name: string, source: ts.SourceFile): string {
  let text = '';
  const visit = (node: ts.Node): void => {
    if (ts.isVariableDeclaration(node) && node.name.getText() === name) text = node.initializer?.getText() ?? '';
    node.forEachChild(visit);
  };
  visit(source);
  return text;
}

function textOf(title: ts.Expression): string | undefined {
  if (ts.isStringLiteral(title) || ts.isNoSubstitutionTemplateLiteral(title)) return title.text;
  if (ts.isTemplateExpression(title))
    return title.head.text + title.templateSpans.map((span) => `…${span.literal.text}`).join('');
  if (ts.isConditionalExpression(title)) return textOf(title.whenTrue);
  return undefined;
}
