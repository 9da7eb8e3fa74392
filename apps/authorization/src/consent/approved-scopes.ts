import type { Asked } from '../authorize/authorizing.ts';
import { OFFLINE_ACCESS } from '../authorize/rules/due-consent.ts';

const SCOPE_FIELD = 'scope:';

/** The form field of a scope that the person may leave out: there when they keep it. */
export function scopeField(scope: string): string {
  return `${SCOPE_FIELD}${scope}`;
}

/**
 * The scopes of a request that the person may leave out (AS-52): those that the resource calls optional, without those
 * that the link already has. A request for nothing but one scope is allowed or refused as it is.
 */
export function optionalScopes({ access, grant }: Asked): readonly string[] {
  const asked = access.resource.scopes.filter((scope) => access.scopes.includes(scope.name));
  if (asked.length < 2) return [];
  return asked
    .filter((scope) => (scope.optional ?? !scope.default) && !grant?.scopes.includes(scope.name))
    .map((scope) => scope.name);
}

/** Takes the fields of scopes out of a posted form: there may be more of them than a request has parameters. */
export function splitScopeFields(form: Readonly<Record<string, unknown>>): {
  readonly kept: ReadonlySet<string>;
  readonly rest: Record<string, unknown>;
} {
  const entries = Object.entries(form);
  const isScope = ([name]: [string, unknown]) => name.startsWith(SCOPE_FIELD);
  return {
    kept: new Set(entries.filter(isScope).map(([name]) => name.slice(SCOPE_FIELD.length))),
    rest: Object.fromEntries(entries.filter((entry) => !isScope(entry))),
  };
}

/** What the person allows, of the optional ones those that they have `kept`; empty when they have left out everything. */
export function approvedScopes(asked: Asked, kept: ReadonlySet<string>): readonly string[] {
  const optional = optionalScopes(asked);
  const approved = asked.access.scopes.filter((scope) => !optional.includes(scope) || kept.has(scope));
  return approved.some((scope) => scope !== OFFLINE_ACCESS) ? approved : [];
}
