import {
  adminConsentGiven,
  adminConsentWithdrawn,
  adminKeyCreated,
  adminKeyRevoked,
  clientApproved,
  clientChanged,
  clientGrantCreated,
  clientHeld,
  clientRemoved,
  clientRuleRemoved,
  clientRuleSet,
  clientSecretRotated,
  clientTokenPolicySet,
  enforcementPointCredentialRotated,
  enforcementPointRegistered,
  enforcementPointRetired,
  initialAccessTokenIssued,
  initialAccessTokenRevoked,
  type NewEvent,
  userEmailVerificationSet,
  userSignedOut,
} from '@grantkeeper/domain';
import { v7 as uuidv7 } from 'uuid';

/** What admins decide about clients, keys and points, beside links. */
export const DECISIONS = [
  'rule',
  'hold',
  'approve',
  'change',
  'rotate-secret',
  'remove-client',
  'client-grant',
  'admin-consent',
  'initial-access-token',
  'point',
  'admin-key',
  'token-policy',
  'verify-address',
  'sign-out',
] as const;
export type DecisionKind = (typeof DECISIONS)[number];

/** What there is to decide about. */
export interface Decidable {
  readonly users: readonly string[];
  readonly clients: readonly string[];
  readonly resources: readonly string[];
}

/** Events of one append, and the rows that they evolve: those that there are already. */
export interface Decision {
  readonly events: readonly NewEvent[];
  readonly keys: ReadonlyArray<readonly [table: string, key: Record<string, string>]>;
}

type Ending = { readonly id: string; ended: boolean };

/** Random decisions; what was made by one is ended by a later one of its kind, as far as the numbers have it. */
export class RandomDecisions {
  readonly #rules = new Map<string, boolean>();
  readonly #policies = new Set<string>();
  readonly #consents: (Ending & { readonly clientId: string; readonly resourceId: string })[] = [];
  readonly #tokens: Ending[] = [];
  readonly #points: Ending[] = [];
  readonly #adminKeys: Ending[] = [];
  readonly #removed = new Set<string>();

  constructor(private readonly there: Decidable) {}

  /** Undefined where there is nothing to decide. */
  decide(kind: DecisionKind, n: number): Decision | undefined {
    const clientId = at(this.there.clients, n);
    const client = [['clients', { client_id: clientId }]] as const;
    const gone = this.#removed.has(clientId);
    switch (kind) {
      case 'rule':
        return this.#rule(`client:${clientId}`, n);
      case 'hold':
        return { events: [clientHeld.on(clientId, { clientId, subject: `client:${clientId}` })], keys: client };
      case 'approve':
        return { events: [clientApproved.on(clientId, { clientId })], keys: client };
      case 'change':
        return { events: [changed(clientId, n)], keys: client };
      case 'rotate-secret':
        return { events: [clientSecretRotated.on(clientId, { clientId, overlapSeconds: n })], keys: client };
      case 'remove-client':
        if (gone) return undefined;
        this.#removed.add(clientId);
        return { events: [clientRemoved.on(clientId, { clientId, by: n % 2 ? 'admin' : 'client' })], keys: client };
      case 'client-grant': {
        const grantId = uuidv7();
        const resourceId = at(this.there.resources, n);
        const payload = { grantId, clientId, resourceId, scopes: ['a'], metadataDigest: 'd' };
        return { events: [clientGrantCreated.on(grantId, payload)], keys: [] };
      }
      case 'admin-consent':
        return this.#consent(clientId, at(this.there.resources, n), n);
      case 'initial-access-token':
        return this.#initialAccessToken(n);
      case 'point':
        return this.#point(n);
      case 'admin-key':
        return this.#adminKey(n);
      case 'token-policy': {
        const keys = this.#policies.has(clientId) ? [['client_policies', { client_id: clientId }] as const] : [];
        this.#policies.add(clientId);
        const settings = n % 3 === 0 ? {} : { accessTokenSeconds: 60 + n };
        return { events: [clientTokenPolicySet.on(clientId, { clientId, settings })], keys };
      }
      case 'sign-out': {
        const userId = at(this.there.users, n);
        return { events: [userSignedOut.on(userId, { userId })], keys: [['users', { user_id: userId }]] };
      }
      case 'verify-address': {
        const userId = at(this.there.users, n);
        const event = userEmailVerificationSet.on(userId, { userId, verified: n % 2 === 0 });
        return { events: [event], keys: [['users', { user_id: userId }]] };
      }
    }
  }

  #rule(subject: string, n: number): Decision {
    const known = this.#rules.has(subject);
    const keys = known ? [['client_rules', { subject }] as const] : [];
    const holds = this.#rules.get(subject);
    this.#rules.set(subject, !(holds && n % 2));
    if (holds && n % 2) return { events: [clientRuleRemoved.on(subject, { subject })], keys };
    const rule =
      n % 3 ? { effect: 'allow' as const, scopes: n % 5 ? ['a'] : null } : { effect: 'block' as const, scopes: null };
    return { events: [clientRuleSet.on(subject, { subject, ...rule })], keys };
  }

  #consent(clientId: string, resourceId: string, n: number): Decision {
    const given = living(this.#consents, n);
    if (given) {
      given.ended = true;
      const { id: consentId } = given;
      const payload = { consentId, clientId: given.clientId, resourceId: given.resourceId };
      return {
        events: [adminConsentWithdrawn.on(consentId, payload)],
        keys: [['admin_consents', { consent_id: consentId }]],
      };
    }
    const consentId = uuidv7();
    this.#consents.push({ id: consentId, ended: false, clientId, resourceId });
    const payload = { consentId, clientId, resourceId, metadataDigest: 'd', scopes: ['a'] };
    return { events: [adminConsentGiven.on(consentId, payload)], keys: [] };
  }

  #initialAccessToken(n: number): Decision {
    const issued = living(this.#tokens, n);
    if (issued) {
      issued.ended = true;
      const { id: tokenId } = issued;
      return {
        events: [initialAccessTokenRevoked.on(tokenId, { tokenId })],
        keys: [['initial_access_tokens', { token_id: tokenId }]],
      };
    }
    const tokenId = uuidv7();
    this.#tokens.push({ id: tokenId, ended: false });
    const expiresAt = '2030-01-01T00:00:00.000Z';
    const payload = { tokenId, name: `Token ${n}`, maxUses: n % 2 ? null : 1 + n, expiresAt };
    return { events: [initialAccessTokenIssued.on(tokenId, payload)], keys: [] };
  }

  #point(n: number): Decision {
    const point = living(this.#points, n);
    if (point) {
      point.ended = n % 3 === 0;
      const { id: pointId } = point;
      const event = point.ended
        ? enforcementPointRetired.on(pointId, { pointId })
        : enforcementPointCredentialRotated.on(pointId, { pointId, overlapSeconds: n });
      return { events: [event], keys: [['enforcement_points', { point_id: pointId }]] };
    }
    const pointId = uuidv7();
    this.#points.push({ id: pointId, ended: false });
    const payload = { pointId, resourceId: at(this.there.resources, n), name: `Point ${n}` };
    return { events: [enforcementPointRegistered.on(pointId, payload)], keys: [] };
  }

  #adminKey(n: number): Decision {
    const key = living(this.#adminKeys, n);
    if (key) {
      key.ended = true;
      const { id: keyId } = key;
      return { events: [adminKeyRevoked.on(keyId, { keyId })], keys: [['admin_keys', { key_id: keyId }]] };
    }
    const keyId = uuidv7();
    this.#adminKeys.push({ id: keyId, ended: false });
    return { events: [adminKeyCreated.on(keyId, { keyId, name: `Key ${n}` })], keys: [] };
  }
}

/** Every other time one that has not ended. */
function living<Item extends Ending>(items: readonly Item[], n: number): Item | undefined {
  const open = items.filter(({ ended }) => !ended);
  return n % 2 === 0 || open.length === 0 ? undefined : open[n % open.length];
}

function changed(clientId: string, n: number): NewEvent {
  return clientChanged.on(clientId, {
    clientId,
    metadata: { client_name: `Changed ${n}` },
    metadataDigest: `d${n}`,
    subjects: [`client:${clientId}`, `host:h${n}.example`],
    by: n % 2 ? 'admin' : 'consent',
  });
}

const at = <Item>(items: readonly Item[], n: number): Item => items[n % items.length]!;
