import { defaultPolicy, policySet, type RevocationTarget, tenantOnboarded } from '@grantkeeper/domain';
import type { CommandIdentity } from '@grantkeeper/event-store';
import { tenantId as toTenantId, type TenantId } from '@grantkeeper/kernel';
import { v7 as uuidv7 } from 'uuid';
import { actor, type Done, Known, type Served } from './known.ts';
import type { Act, Ended } from './commands.ts';
import { addClient, addPerson, addResource, consent, revoke, scopes, setPolicy } from './ledger-acts.ts';
import type { Product } from './product.ts';
import { redeem, refresh } from './token-acts.ts';

/** One tenant as its callers know it: only what has been acknowledged to one of them. */
export class ModelTenant extends Known implements Served {
  private constructor(
    readonly id: TenantId,
    readonly product: Product,
  ) {
    super();
  }

  /** A new tenant, served by `product`. */
  static async onboard(product: Product): Promise<ModelTenant> {
    const tenant = new ModelTenant(toTenantId(uuidv7()), product);
    await tenant.#onboard();
    return tenant;
  }

  /** The same tenant, served by another process; both know what either has been told. */
  servedBy(product: Product): ModelTenant {
    return Object.assign(new ModelTenant(this.id, product), this.#known());
  }

  #known(): Known {
    const { users, clients, resources, codes, families, tokens } = this;
    return { users, clients, resources, codes, families, tokens };
  }

  async #onboard(): Promise<void> {
    const slug = `m-${this.id}`;
    await this.product.store.append({
      tenantId: this.id,
      actor,
      create: true,
      events: [
        tenantOnboarded.on(this.id, { tenantId: this.id, slug, displayName: slug }),
        policySet.on(this.id, { settings: defaultPolicy }),
      ],
      rows: {
        tenant_directory: [{ slug, tenant_id: this.id }],
        tenant_keys: [await this.product.tenantKeys.create(this.id)],
      },
    });
  }

  /**
   * Settles what `act` is about, among what there is now. The answer carries it out under `command` once, however often
   * it is called, and says how many events that took.
   */
  prepare(act: Act, command: CommandIdentity): () => Promise<Done> {
    switch (act.kind) {
      case 'person':
        return () => addPerson(this, command);
      case 'client':
        // Known to callers only; it comes to the ledger with the first consent.
        return async () => addClient(this, `c-${command.id}`);
      case 'resource':
        return () => addResource(this, command);
      case 'consent': {
        const [userId, clientId, resourceId] = [
          at(this.users, act.user),
          at(this.clients, act.client),
          at(this.resources, act.resource),
        ];
        if (userId === undefined) return () => addPerson(this, command);
        if (resourceId === undefined) return () => addResource(this, command);
        if (clientId === undefined) return async () => addClient(this, `c-${command.id}`);
        return () => consent(this, command, { userId, clientId, resourceId }, act.wide ? scopes : ['read']);
      }
      case 'revoke': {
        const target = this.#target(act.what, act.pick);
        return target ? () => revoke(this, command, target) : nothing;
      }
      case 'policy':
        return () => setPolicy(this, command, { registration: act.registration, refreshIdleSeconds: act.idle });
      case 'redeem': {
        const code = at(this.codes, act.pick);
        return code ? () => redeem(this, code, act.times) : nothing;
      }
      case 'refresh': {
        const family = at(this.families, act.pick);
        return family ? () => refresh(this, family, act.times) : nothing;
      }
    }
  }

  #target(what: Ended, pick: number): RevocationTarget | undefined {
    const family = at(this.families, pick);
    const token = at(this.tokens, pick);
    const [userId, clientId, resourceId, code] = [
      at(this.users, pick),
      at(this.clients, pick),
      at(this.resources, pick),
      at(this.codes, pick),
    ];
    switch (what) {
      case 'grant':
        return code && { kind: 'grant', grantId: code.grantId };
      case 'family':
        return family && { kind: 'family', grantId: family.grantId, familyId: family.familyId };
      case 'token':
        return token && { kind: 'token', grantId: token.grantId, familyId: token.familyId, tokenId: token.tokenId };
      case 'user':
        return userId === undefined ? undefined : { kind: 'user', userId };
      case 'client':
        return clientId === undefined ? undefined : { kind: 'client', clientId };
      case 'resource':
        return resourceId === undefined ? undefined : { kind: 'resource', resourceId };
      case 'pair': {
        const named = { ...(userId && { userId }), ...(clientId && { clientId }), ...(resourceId && { resourceId }) };
        const left = (['userId', 'clientId', 'resourceId', undefined] as const)[pick % 4];
        if (left) delete named[left];
        return Object.keys(named).length < 2 ? undefined : { kind: 'pair', ...named };
      }
      case 'tenant':
        // Rarely: it ends everything, and there would be little left to do.
        return pick % 10 === 0 ? { kind: 'tenant' } : undefined;
    }
  }
}

const nothing = async (): Promise<Done> => ({ events: 0 });

function at<Item>(items: readonly Item[], pick: number): Item | undefined {
  return items[pick % Math.max(items.length, 1)];
}
