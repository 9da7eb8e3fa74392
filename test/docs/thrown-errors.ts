import type { RevocationTarget, SuspensionTarget } from '@grantkeeper/domain';
import ts from 'typescript';
import { filesBelow, readRepositoryFile } from './documents.ts';

/** A place in the sources where an error is made. */
export interface ThrownError {
  readonly code: string;
  /** The text as it stands in the source; what is filled in at run time is shown as `…`. */
  readonly message: string | undefined;
  readonly kind: string | undefined;
  readonly field: string | undefined;
  readonly file: string;
}

// Codes that are put together at run time, by the text of their template. `satisfies` keeps the list whole.
const targets = {
  token: 0,
  family: 0,
  grant: 0,
  user: 0,
  client: 0,
  resource: 0,
  tenant: 0,
} satisfies Record<Exclude<RevocationTarget['kind'], 'pair'>, 0>;
const suspended = { grant: 0, user: 0, client: 0, resource: 0, tenant: 0 } satisfies Record<
  SuspensionTarget['kind'],
  0
>;
const composed: Readonly<Record<string, readonly string[]>> = {
  'revocation.${what}_not_found': Object.keys(targets).map((kind) => `revocation.${kind}_not_found`),
  'suspension.${target.kind}_not_found': Object.keys(suspended).map((kind) => `suspension.${kind}_not_found`),
};

/** Every `new <className>(code, …)` in apps and libs; throws for a code that cannot be read from the source. */
export function thrownErrors(className: string): ThrownError[] {
  const sources = filesBelow(['apps', 'libs'], (path) => path.endsWith('.ts') && !path.endsWith('.spec.ts'));
  return sources.flatMap((file) => {
    const source = ts.createSourceFile(file, readRepositoryFile(file), ts.ScriptTarget.Latest, true);
    return constructionsOf(className, source).flatMap(([code, message, kind, field]) =>
      codesOf(code, source).map((one) => ({
        code: one,
        message: textOf(message),
        kind: textOf(kind),
        field: textOf(field),
        file,
      })),
    );
  });
}

function constructionsOf(className: string, source: ts.SourceFile): (readonly ts.Expression[])[] {
  const found: (readonly ts.Expression[])[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isNewExpression(node) && node.expression.getText() === className) found.push(node.arguments ?? []);
    node.forEachChild(visit);
  };
  visit(source);
  return found;
}

function codesOf(code: ts.Expression | undefined, source: ts.SourceFile): readonly string[] {
  if (code && ts.isStringLiteral(code)) return [code.text];
  const template = code?.getText().slice(1, -1) ?? '';
  const known = composed[template];
  if (!known)
    throw new Error(
      `${source.fileName}: the error code ${code?.getText() ?? ''} is not in the list of composed codes.`,
    );
  return known;
}

function textOf(argument: ts.Expression | undefined): string | undefined {
  if (!argument) return undefined;
  if (ts.isStringLiteral(argument) || ts.isNoSubstitutionTemplateLiteral(argument)) return argument.text;
  if (ts.isTemplateExpression(argument))
    return argument.head.text + argument.templateSpans.map((span) => `…${span.literal.text}`).join('');
  return '…';
}
