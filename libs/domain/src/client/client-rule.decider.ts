import { DomainError } from '@grantkeeper/kernel';
import type { Actor, NewEvent } from '../event.ts';
import { clientHeld } from './client.events.ts';
import { clientRuleRemoved, clientRuleSet } from './client-rule.events.ts';

/** How many rules a tenant may have: all of them are read at every request for authorization. */
export const MOST_CLIENT_RULES = 500;

/** A rule about clients, as it holds. */
export interface ClientRule {
  /** `kind:value`: see `clientSubject`. */
  readonly subject: string;
  readonly effect: 'allow' | 'block';
  /** The most that people may allow such a client; null for no limit of its own. */
  readonly scopes: readonly string[] | null;
}

export interface ClientRuleState {
  /** The rule about the subject that holds now. */
  readonly rule?: ClientRule | undefined;
  /** Who set it. */
  readonly setBy?: Actor['kind'] | undefined;
  /** How many rules the tenant has. */
  readonly rules: number;
}

/**
 * Sets the rule about a subject, in place of the one that there was. Setting what is set changes nothing, unless an
 * operator of the service says so of what an admin has blocked. Rejects with `client.*` what could not hold (`software_id`
 * is what a client says of itself, so it can block and not allow), and an admin who would lift an operator's block.
 */
export function decideClientRule(
  state: ClientRuleState,
  wanted: ClientRule,
  by: Actor['kind'],
  reason?: string,
): NewEvent[] {
  const { subject, effect, scopes } = wanted;
  if (effect === 'allow' && subject.startsWith('software:')) {
    throw new DomainError(
      'client.rule_unproven',
      'Anyone can claim a software_id: allow the host, publisher or client instead.',
      'invalid',
      'subject',
    );
  }
  if (effect === 'block' && scopes !== null) {
    throw new DomainError('client.rule_with_scopes', 'A block has no scopes.', 'invalid', 'scopes');
  }
  const { rule } = state;
  const same = rule !== undefined && rule.effect === effect && sameScopes(rule.scopes, scopes);
  if (same && (effect !== 'block' || by !== 'operator' || state.setBy === 'operator')) return [];
  refuseOperatorsBlock(state, by);
  if (!rule && state.rules >= MOST_CLIENT_RULES) {
    throw new DomainError('client.too_many_rules', `A tenant has at most ${MOST_CLIENT_RULES} rules.`, 'conflict');
  }
  const personal = reason === undefined ? {} : { reason: { subject: 'tenant' as const, value: reason } };
  return [clientRuleSet.on(subject, { subject, effect, scopes: scopes && [...scopes] }, personal)];
}

/** The clients whose access tokens a block ends: those that it matches and that have not been held for it. */
export function decideHolds(subject: string, clientIds: readonly string[]): NewEvent[] {
  return clientIds.map((clientId) => clientHeld.on(clientId, { clientId, subject }));
}

/** Takes a rule away; rejects with `client.rule_not_found` when there is none, and an admin where it is an operator's block. */
export function decideClientRuleRemoval(state: ClientRuleState, by: Actor['kind']): NewEvent[] {
  const { rule } = state;
  if (!rule) throw new DomainError('client.rule_not_found', 'There is no such rule.', 'not_found');
  refuseOperatorsBlock(state, by);
  return [clientRuleRemoved.on(rule.subject, { subject: rule.subject })];
}

function refuseOperatorsBlock({ rule, setBy }: ClientRuleState, by: Actor['kind']): void {
  if (rule?.effect !== 'block' || setBy !== 'operator' || by === 'operator') return;
  const message = 'An operator of the service has set this block; only an operator can lift it.';
  throw new DomainError('client.rule_by_operator', message, 'forbidden');
}

function sameScopes(a: readonly string[] | null, b: readonly string[] | null): boolean {
  return a === null || b === null ? a === b : a.length === b.length && a.every((scope) => b.includes(scope));
}
