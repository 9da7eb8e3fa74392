import type { ArgumentsHost } from '@nestjs/common';
import { ProblemFilter } from '@grantkeeper/http';
import { DomainError, type DomainErrorKind } from '@grantkeeper/kernel';
import { table } from './documents.ts';
import { type ThrownError, thrownErrors } from './thrown-errors.ts';

/** docs/errors.md: every code that a caller may meet, found in the sources. */
export function errorsDocument(): string {
  const refusals = thrownErrors('DomainError');
  const oauth = thrownErrors('OAuthError');
  const pages = thrownErrors('PageError');
  return `${[
    '# Errors',
    '',
    '<!-- Written by `npm run docs` from the sources of apps and libs. Edit those, not this file. -->',
    '',
    'Codes are stable; texts are not. `…` stands for what is filled in at run time.',
    '',
    '## Admin API',
    '',
    'RFC 9457 `application/problem+json`: `{ type, title, status, detail, field? }` with `type` = `urn:problem:<code>`. `field` names the input at fault. The codes `consent.*` are refusals on the consent page, which shows them there; `signals.*` are those of the Shared Signals endpoints, which answer `{ error, error_description }`, and 400 where this table says 422.',
    '',
    table(
      ['Code', 'Status', 'Detail', 'Raised in'],
      byCode(refusals).map(([code, places]) => [`\`${code}\``, statusesOf(places), detailsOf(places), filesOf(places)]),
    ),
    '',
    'Four types are not tied to a rule:',
    '',
    '| Type | Status | When |',
    '| --- | --- | --- |',
    '| `urn:problem:conflict` | 409 | others were changing the same thing at the same time, five times in a row; nothing was changed, send it again |',
    '| `urn:problem:limits.exceeded` | 429 | a budget is exhausted; `Retry-After` says for how long |',
    '| `urn:problem:http.<status>` | 4xx | there is nothing at the address, or the request could not be read at all |',
    '| `urn:problem:unavailable` | 503 | the ledger is busy or the database out of reach, with `Retry-After`; the request was carried out whole or not at all, and may be sent again |',
    '| `urn:problem:server_error` | 500 | a bug, or an outage that does not pass by itself; the cause is in the log, never in the answer |',
    '',
    'An `Idempotency-Key` makes any of these safe to repeat where [the route takes one](api.md).',
    '',
    '## OAuth endpoints',
    '',
    '`register`, `token` and `revoke` answer `{ error, error_description }`: 401 for `invalid_client`, 500 for `server_error`, 503 for `temporarily_unavailable` (429 with `Retry-After` when there were too many requests), else 400. `authorize` and `consent` send the same codes to the client by redirect, with `state` and `iss`, once the client and its redirect URI are proven. `userinfo` answers a refused access token with 401 or 403 and a challenge, as the MCP servers do. Unknown tenants and addresses are 404 `{ "error": "not_found" }`.',
    '',
    table(
      ['Error', 'Descriptions', 'Raised in'],
      byCode(oauth).map(([code, places]) => [`\`${code}\``, detailsOf(places), filesOf(places)]),
    ),
    '',
    '`temporarily_unavailable` (503 with `Retry-After`) also answers what passes by itself: a ledger that is busy, a database that is out of reach for a moment. `server_error` (500) answers every bug with a fixed sentence.',
    '',
    '## Pages',
    '',
    'Where there is no proven place to send the person back to, the error is a page in their language, with a reference number.',
    '',
    table(
      ['Kind', 'Detail for developers', 'Raised in'],
      byCode(pages).map(([code, places]) => [`\`${code}\``, detailsOf(places), filesOf(places)]),
    ),
    '',
    '## MCP servers',
    '',
    'Refusals are HTTP answers `{ error, error_description }`, 401 and 403 with the `WWW-Authenticate` challenge of RFC 6750, RFC 9449 and RFC 9728. A failure inside a tool is an MCP result with `isError`.',
    '',
    '| Error | Status | When |',
    '| --- | --- | --- |',
    '| `unauthorized` | 401 | no access token; the challenge names the metadata and the default scopes |',
    '| `invalid_token` | 401 | forged, expired, of another tenant or resource, revoked or suspended |',
    '| `insufficient_scope` | 403 | the tool needs more; the challenge names every scope to ask for |',
    '| `forbidden_origin` | 403 | a web page of an origin that the deployment has not allowed |',
    '| `unsupported_media_type` | 415 | a body that is not `application/json` |',
    '| `not_found` | 404 | no such tenant, no such resource |',
    '| `temporarily_unavailable` | 503 | the ledger cannot be asked, so nothing is accepted; `Retry-After: 2` |',
  ]
    .join('\n')
    .trimEnd()}\n`;
}

/** The status that the admin API gives to a kind of refusal. */
export function statusOfKind(kind: string): number {
  let status = 0;
  const reply = {
    raw: { headersSent: false },
    header: () => reply,
    type: () => reply,
    send: () => reply,
    status: (given: number) => {
      status = given;
      return reply;
    },
  };
  const host = { switchToHttp: () => ({ getResponse: () => reply }) } as unknown as ArgumentsHost;
  new ProblemFilter().catch(new DomainError('docs.probe', '', kind as DomainErrorKind), host);
  return status;
}

function byCode(errors: readonly ThrownError[]): [string, ThrownError[]][] {
  return [...Map.groupBy(errors, ({ code }) => code)].sort(([a], [b]) => (a < b ? -1 : 1));
}

function statusesOf(places: readonly ThrownError[]): string {
  return distinct(places.map(({ kind }) => String(statusOfKind(kind ?? 'invalid')))).join(', ');
}

function detailsOf(places: readonly ThrownError[]): string {
  return distinct(places.map(({ message }) => message ?? ''))
    .filter(Boolean)
    .join('<br>');
}

function filesOf(places: readonly ThrownError[]): string {
  return distinct(places.map(({ file }) => `\`${file}\``)).join('<br>');
}

function distinct(values: readonly string[]): string[] {
  return [...new Set(values)];
}
