/** For how long an answer without word of its own counts as fresh, and the bounds of what one may say; in seconds. */
export const FRESHNESS = { shortest: 60, longest: 86_400, unless: 3_600 } as const;

/**
 * For how many seconds an answer is fresh in a shared cache (RFC 9111 §4.2, §5.2.2; CIMD-17): `s-maxage`, `max-age` or
 * `Expires`, less the `Age` that it arrived with. What must not be stored, or not without asking, counts for the
 * shortest time: without it every request for authorization would be a request to someone else's server.
 */
export function freshSeconds(headers: Readonly<Record<string, string>>, now: Date): number {
  const told = toldSeconds(headers, now);
  if (told === undefined) return FRESHNESS.unless;
  const age = seconds(headers['age']) ?? 0;
  return Math.min(FRESHNESS.longest, Math.max(FRESHNESS.shortest, told - age));
}

/**
 * Whether an answer may stand in when it is no longer fresh, and its server cannot be reached. A shared cache may not
 * where it is told to ask first, or not to keep it (RFC 9111 §4.2.4, §5.2.2; `s-maxage` says so too). Undefined when the
 * answer says nothing of how to keep it.
 */
export function mayBeStale(headers: Readonly<Record<string, string>>): boolean | undefined {
  if (headers['cache-control'] === undefined) return undefined;
  const directives = directivesOf(headers);
  return !NEVER_STALE.some((name) => directives.has(name));
}

const NEVER_STALE = ['no-store', 'no-cache', 'private', 'must-revalidate', 'proxy-revalidate', 's-maxage'];

function toldSeconds(headers: Readonly<Record<string, string>>, now: Date): number | undefined {
  const directives = directivesOf(headers);
  if (directives.has('no-store') || directives.has('no-cache') || directives.has('private')) return 0;
  for (const name of ['s-maxage', 'max-age']) {
    // One that cannot be read means stale.
    if (directives.has(name)) return seconds(directives.get(name)) ?? 0;
  }
  if (headers['expires'] === undefined) return undefined;
  const expires = Date.parse(headers['expires']);
  const sent = Date.parse(headers['date'] ?? '');
  if (Number.isNaN(expires)) return 0;
  return Math.floor((expires - (Number.isNaN(sent) ? now.getTime() : sent)) / 1000);
}

function directivesOf(headers: Readonly<Record<string, string>>): Map<string, string> {
  const directives = new Map<string, string>();
  for (const part of (headers['cache-control'] ?? '').split(',')) {
    const [name = '', value = ''] = part.trim().split('=', 2);
    // Of a directive that comes twice the first one counts (RFC 9111 §4.2.1).
    if (!directives.has(name.toLowerCase())) directives.set(name.toLowerCase(), value.replaceAll('"', ''));
  }
  return directives;
}

function seconds(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text.trim()) ? Number(text) : undefined;
}
