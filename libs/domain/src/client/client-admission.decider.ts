import type { PolicySettings } from '../policy/policy.events.ts';
import type { ClientRule } from './client-rule.decider.ts';

/** What a verdict about a client is made of. */
export interface ClientCase {
  readonly settings: Pick<PolicySettings, 'clientAdmission' | 'clientChanges' | 'scopeCeiling'>;
  readonly kind: 'cimd' | 'dynamic' | 'registered';
  readonly rules: readonly ClientRule[];
  /** What rules may name the client by: see `clientSubjects` of libs/oauth. */
  readonly subjects: readonly string[];
  /** Somebody has consented to it, or an admin has admitted it: in this version, or in another one. */
  readonly admitted: boolean;
  /** An admin has admitted or approved it: in this version, or in another one. */
  readonly approved: boolean;
  /** It is known by another version of its metadata than this one. */
  readonly changed: boolean;
}

/**
 * Whether people may link a client, and the most that they may allow it (null: no limit). `review`: an admin has to
 * approve it first. `not_listed`: only clients that an admin has allowed may link, and nobody is asked.
 */
export interface ClientVerdict {
  readonly outcome: 'allowed' | 'blocked' | 'review' | 'not_listed';
  readonly ceiling: readonly string[] | null;
}

/**
 * The tenant's client policy on one client (CIMD-22, CIMD-23, DCR-09). A block wins over everything. A client is allowed
 * by its hosts only when all of them are allowed, since it chooses which one it uses.
 *
 * What has changed since it was trusted is asked about in `review`, so that an admin learns of it, if it is a document in
 * quarantine (CIMD-25) or a registration that is trusted by its version alone. Any other document keeps the trust in
 * whoever publishes it, as a rule about its URL does: its people look at the change.
 */
export function judgeClient(client: ClientCase): ClientVerdict {
  const { settings, rules, subjects, kind, changed } = client;
  const matching = rules.filter((rule) => subjects.includes(rule.subject));
  const ceiling = matching
    .map((rule) => rule.scopes)
    .reduce<readonly string[] | null>(narrower, settings.scopeCeiling ?? null);
  if (matching.some((rule) => rule.effect === 'block')) return { outcome: 'blocked', ceiling };
  const listed = isListed(matching, subjects);
  const outcome = admission(settings, listed, client);
  if (outcome !== 'allowed' || !changed) return { outcome, ceiling };
  const trusted =
    kind === 'cimd' ? settings.clientChanges !== 'quarantine' : admission(settings, listed, NOBODY_KNOWS) === 'allowed';
  return { outcome: trusted ? 'allowed' : 'review', ceiling };
}

const NOBODY_KNOWS = { admitted: false, approved: false };

function admission(
  { clientAdmission }: ClientCase['settings'],
  listed: boolean,
  { admitted, approved }: Pick<ClientCase, 'admitted' | 'approved'>,
): Exclude<ClientVerdict['outcome'], 'blocked'> {
  if (clientAdmission === 'open' || approved || listed) return 'allowed';
  if (clientAdmission === 'allow_list') return 'not_listed';
  return admitted ? 'allowed' : 'review';
}

/** The scopes of `wanted` that are under the ceiling. */
export function underCeiling(wanted: readonly string[], ceiling: readonly string[] | null): readonly string[] {
  return ceiling === null ? wanted : wanted.filter((scope) => ceiling.includes(scope));
}

function isListed(matching: readonly ClientRule[], subjects: readonly string[]): boolean {
  const allowed = new Set(matching.filter((rule) => rule.effect === 'allow').map((rule) => rule.subject));
  if ([...allowed].some((subject) => subject.startsWith('client:') || subject.startsWith('publisher:'))) return true;
  const hosts = subjects.filter((subject) => subject.startsWith('host:'));
  return hosts.length > 0 && hosts.every((host) => allowed.has(host));
}

function narrower(a: readonly string[] | null, b: readonly string[] | null): readonly string[] | null {
  return a === null || b === null ? (a ?? b) : a.filter((scope) => b.includes(scope));
}
