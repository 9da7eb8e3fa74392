import type { PolicySettings } from '../policy/policy.events.ts';
import type { ClientRule } from './client-rule.decider.ts';

/** An initial access token that came with a registration and that the tenant has issued. */
export interface PresentedInitialToken {
  readonly tokenId: string;
  readonly revoked: boolean;
  readonly expired: boolean;
  /** Null for a token of any number of uses. */
  readonly spent: boolean | null;
}

export interface RegistrationCase {
  readonly settings: Pick<PolicySettings, 'registration' | 'registrationHosts'>;
  readonly rules: readonly ClientRule[];
  readonly subjects: readonly string[];
  /** Null for one that is unknown; undefined when none came. */
  readonly token?: PresentedInitialToken | null | undefined;
}

/** What becomes of a registration; `registered` names the token of which it takes a use. */
export type RegistrationVerdict =
  | { readonly outcome: 'registered'; readonly tokenId?: string }
  | { readonly outcome: 'off' | 'blocked' | 'host_not_listed' | 'token_missing' | 'token_invalid' };

/**
 * Whether a client may register (RFC 7591 §3, DCR-09). What the tenant blocks is refused in every mode. A client that
 * goes back to several hosts needs all of them on the list, since it chooses which one it uses.
 */
export function decideRegistration({ settings, rules, subjects, token }: RegistrationCase): RegistrationVerdict {
  if (settings.registration === 'off') return { outcome: 'off' };
  if (settings.registration === 'initial_access_token') {
    if (token === undefined) return { outcome: 'token_missing' };
    if (token === null || token.revoked || token.expired || token.spent === true) return { outcome: 'token_invalid' };
  }
  const blocked = refusedVersion({ settings, rules, subjects });
  if (blocked) return { outcome: blocked };
  return settings.registration === 'initial_access_token' && token
    ? { outcome: 'registered', tokenId: token.tokenId }
    : { outcome: 'registered' };
}

/** Why a registered client may not change to this version; undefined when it may (RFC 7592 §2.2). */
export function refusedVersion({
  settings,
  rules,
  subjects,
}: Omit<RegistrationCase, 'token'>): 'blocked' | 'host_not_listed' | undefined {
  if (rules.some((rule) => rule.effect === 'block' && subjects.includes(rule.subject))) return 'blocked';
  const hosts = subjects
    .filter((subject) => subject.startsWith('host:'))
    .map((subject) => subject.slice('host:'.length));
  const listed = hosts.every((host) => settings.registrationHosts.includes(host));
  return settings.registration === 'host_list' && !listed ? 'host_not_listed' : undefined;
}
