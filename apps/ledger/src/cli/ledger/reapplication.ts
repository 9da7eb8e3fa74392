import type { Actor, Because, RevocationTarget, SuspensionTarget } from '@grantkeeper/domain';
import type { Database, EventStore } from '@grantkeeper/event-store';
import type { SigningKeys } from '@grantkeeper/keys';
import { DomainError, type TenantId } from '@grantkeeper/kernel';
import {
  ResumeAccess,
  ResumeAccessHandler,
  RevokeAccess,
  RevokeAccessHandler,
  SuspendAccess,
  SuspendAccessHandler,
} from '@grantkeeper/revocation';
import { RevokeSigningKey, RevokeSigningKeyHandler } from '../../signing-keys/revoke-signing-key.handler.ts';
import { SetClientRule, SetClientRuleHandler } from '../../clients/set-client-rule.handler.ts';
import type { LostAct } from './lost-acts.ts';

export interface Reapplied {
  /** How many were done again; what had nothing left to end counts too. */
  readonly again: number;
  readonly left: ReadonlyArray<LostAct & { readonly why: string }>;
}

type Names = Readonly<Record<string, string>>;

const revocations: Readonly<Record<string, (names: Names) => RevocationTarget>> = {
  TokenRevoked: ({ grantId, familyId, tokenId }) => ({
    kind: 'token',
    grantId: grantId!,
    familyId: familyId!,
    tokenId: tokenId!,
  }),
  FamilyRevoked: ({ grantId, familyId }) => ({ kind: 'family', grantId: grantId!, familyId: familyId! }),
  GrantRevoked: ({ grantId }) => ({ kind: 'grant', grantId: grantId! }),
  UserAccessRevoked: ({ userId }) => ({ kind: 'user', userId: userId! }),
  ClientAccessRevoked: ({ clientId }) => ({ kind: 'client', clientId: clientId! }),
  ResourceAccessRevoked: ({ resourceId }) => ({ kind: 'resource', resourceId: resourceId! }),
  TenantAccessRevoked: () => ({ kind: 'tenant' }),
  PairAccessRevoked: ({ userId, clientId, resourceId }) => ({
    kind: 'pair',
    ...(userId !== undefined && { userId }),
    ...(clientId !== undefined && { clientId }),
    ...(resourceId !== undefined && { resourceId }),
  }),
};

const suspensions: Readonly<Record<string, (names: Names) => SuspensionTarget>> = {
  Grant: ({ grantId }) => ({ kind: 'grant', grantId: grantId! }),
  User: ({ userId }) => ({ kind: 'user', userId: userId! }),
  Client: ({ clientId }) => ({ kind: 'client', clientId: clientId! }),
  Resource: ({ resourceId }) => ({ kind: 'resource', resourceId: resourceId! }),
  Tenant: () => ({ kind: 'tenant' }),
};

/** Not done again, and no harm: they only gave, or the restore has undone them together with what they concern. */
const GIVING =
  /^(Grant(Created|Widened|Renewed)|ClientGrantCreated|User(Created|EmailVerificationSet|SignedOut)|IdentityLinked|SigningKey(Created|Activated|Superseded|Retired)|Client(Admitted|Approved|Changed))$/;

/** Does again what a restore has lost and an export tells: what ended access, suspended it, or kept a client out. */
export class Reapplication {
  readonly #revoke: RevokeAccessHandler;
  readonly #suspend: SuspendAccessHandler;
  readonly #resume: ResumeAccessHandler;
  readonly #rules: SetClientRuleHandler;
  readonly #revokeKey: RevokeSigningKeyHandler | undefined;

  /** `signingKeys` may be null where no signing key is to be revoked. */
  constructor(
    database: Database,
    store: EventStore,
    signingKeys: SigningKeys | null,
    private readonly actor: Actor,
  ) {
    this.#revoke = new RevokeAccessHandler(database, store);
    this.#suspend = new SuspendAccessHandler(database, store);
    this.#resume = new ResumeAccessHandler(database, store);
    this.#rules = new SetClientRuleHandler(database, store);
    this.#revokeKey = signingKeys ? new RevokeSigningKeyHandler(database, store, signingKeys) : undefined;
  }

  async carryOut(tenant: TenantId, acts: readonly LostAct[]): Promise<Reapplied> {
    let again = 0;
    const left: Array<LostAct & { why: string }> = [];
    for (const act of acts) {
      if (GIVING.test(act.type)) continue;
      try {
        if (await this.#again(tenant, act)) again += 1;
        else left.push({ ...act, why: 'it is of a kind that only people can do again' });
      } catch (error) {
        if (!(error instanceof DomainError)) throw error;
        // Made after the point that was restored, and gone with it.
        if (error.code.endsWith('_not_found') || error.code === 'suspension.grant_ended') again += 1;
        else left.push({ ...act, why: error.message });
      }
    }
    return { again, left };
  }

  async #again(tenant: TenantId, { type, payload }: LostAct): Promise<boolean> {
    const { actor } = this;
    const names = payload as Names;
    const revoked = revocations[type];
    if (revoked) {
      const because = (payload['because'] ?? 'admin') as Because;
      await this.#revoke.execute(new RevokeAccess(tenant, { target: revoked(names), because, actor }));
      return true;
    }
    if (type === 'SigningKeyRevoked' && this.#revokeKey) {
      await this.#revokeKey.execute(new RevokeSigningKey(tenant, { kid: String(payload['kid']), actor }));
      return true;
    }
    const [, what = '', how] = /^(\w+)(Suspended|Resumed)$/.exec(type) ?? [];
    const target = suspensions[what]?.(names);
    if (target && how === 'Suspended') {
      await this.#suspend.execute(new SuspendAccess(tenant, { target, actor }));
      return true;
    }
    if (target) {
      await this.#resume.execute(new ResumeAccess(tenant, { target, actor }));
      return true;
    }
    if (type === 'ClientRuleSet' && payload['effect'] === 'block') {
      const rule = { effect: 'block', scopes: null } as const;
      await this.#rules.execute(new SetClientRule(tenant, String(payload['subject']), rule, actor));
      return true;
    }
    // It follows from the rule.
    return type === 'ClientHeld';
  }
}
