import {
  type Because,
  clientAccessRevoked,
  clientAdmitted,
  defaultPolicy,
  familyRevoked,
  grantCreated,
  grantRenewed,
  grantRevoked,
  grantWidened,
  type NewEvent,
  pairAccessRevoked,
  pairId,
  policySet,
  resourceAccessRevoked,
  resourceAdded,
  type SuspensionTarget,
  tenantAccessRevoked,
  tokenRevoked,
  userAccessRevoked,
} from '@grantkeeper/domain';
import type { AppendInput, ProjectedRow } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import { inlineProjections } from '@grantkeeper/read-models';
import { ResumeAccess, ResumeAccessHandler, SuspendAccess, SuspendAccessHandler } from '@grantkeeper/revocation';
import { sql } from 'kysely';
import { v7 as uuidv7 } from 'uuid';
import { actor, type TestLedger } from './ledger.ts';
import type { Act } from './random-acts.ts';
import { RandomDecisions } from './random-decisions.ts';

interface Grant {
  readonly grantId: string;
  readonly userId: string;
  readonly clientId: string;
  readonly resourceId: string;
}

/** A tenant whose ledger grows by random acts, one append each. */
export class RandomTenant {
  readonly users: string[] = [];
  readonly clients: string[] = [];
  readonly resources: string[] = [];
  readonly grants: Grant[] = [];
  readonly #ended = new Set<string>();
  readonly #decisions = new RandomDecisions(this);

  constructor(
    private readonly ledger: TestLedger,
    readonly id: TenantId,
  ) {}

  /** Carries the acts out one after the other, after one of each kind that others need. */
  async carryOut(all: readonly Act[], after?: (index: number) => Promise<void>): Promise<void> {
    const needed: Act[] = [{ kind: 'person' }, { kind: 'client' }, { kind: 'resource' }];
    for (const [index, act] of [...needed, ...all].entries()) {
      await this.#do(act);
      await after?.(index);
    }
  }

  async #do(act: Act): Promise<void> {
    switch (act.kind) {
      case 'person': {
        const person = await this.ledger.person(this.id);
        this.users.push(person.userId);
        return this.#append(person.events, [], person.rows);
      }
      case 'client': {
        const clientId = `gkd_${uuidv7()}`;
        this.clients.push(clientId);
        const metadata = { client_name: `Client ${this.clients.length}` };
        return this.#append([
          clientAdmitted.on(clientId, {
            clientId,
            kind: 'dynamic',
            metadata,
            metadataDigest: 'd',
            subjects: [`client:${clientId}`],
            by: 'consent',
          }),
        ]);
      }
      case 'resource': {
        const resourceId = uuidv7();
        this.resources.push(resourceId);
        return this.#append([resourceAdded.on(resourceId, resource(resourceId))]);
      }
      case 'policy':
        return this.#append(
          [policySet.on(this.id, { settings: { ...defaultPolicy, refreshReplaysMax: this.grants.length } })],
          [['policies', { tenant_id: this.id }]],
        );
      case 'revoke-tenant':
        return this.#append(
          [tenantAccessRevoked.on(this.id, { because: 'admin' })],
          [['tenants', { tenant_id: this.id }]],
        );
      case 'link': {
        const grant = {
          grantId: uuidv7(),
          userId: at(this.users, act.user),
          clientId: at(this.clients, act.client),
          resourceId: at(this.resources, act.resource),
        };
        this.grants.push(grant);
        return this.#append([
          grantCreated.on(grant.grantId, { ...grant, scopes: ['a'], shown: shown(this.grants.length) }),
        ]);
      }
      case 'suspend': {
        const target = this.#suspended(act.what, act.which);
        if (!target) return;
        const input = { target, reason: 'random', actor };
        // Every other time it finds that it is suspended, and takes it back.
        const { changed } = await new SuspendAccessHandler(this.ledger.database, this.ledger.store).execute(
          new SuspendAccess(this.id, input),
        );
        if (!changed)
          await new ResumeAccessHandler(this.ledger.database, this.ledger.store).execute(
            new ResumeAccess(this.id, input),
          );
        return;
      }
      case 'decide': {
        const decision = this.#decisions.decide(act.what, act.which);
        return decision && this.#append(decision.events, decision.keys);
      }
      case 'revoke-pair': {
        const [userId, clientId, resourceId] = [
          at(this.users, act.user),
          at(this.clients, act.client),
          at(this.resources, act.resource),
        ];
        const pairs = [
          { userId, clientId },
          { userId, resourceId },
          { clientId, resourceId },
        ];
        const pair = [...pairs, { userId, clientId, resourceId }][act.user % 4]!;
        const known = await this.ledger.database.asTenant(this.id, (tx) =>
          tx.selectFrom('pair_watermarks').selectAll().where('pair_id', '=', pairId(pair)).executeTakeFirst(),
        );
        return this.#append(
          [pairAccessRevoked.on(pairId(pair), { ...pair, because: 'admin' })],
          known ? [['pair_watermarks', { pair_id: pairId(pair) }]] : [],
        );
      }
      case 'revoke-user': {
        const userId = at(this.users, act.which);
        return this.#append(
          [userAccessRevoked.on(userId, { userId, because: 'admin' })],
          [['users', { user_id: userId }]],
        );
      }
      case 'revoke-client': {
        const clientId = at(this.clients, act.which);
        return this.#append(
          [clientAccessRevoked.on(clientId, { clientId, because: 'admin' })],
          [['clients', { client_id: clientId }]],
        );
      }
      case 'revoke-resource': {
        const resourceId = at(this.resources, act.which);
        return this.#append(
          [resourceAccessRevoked.on(resourceId, { resourceId, because: 'admin' })],
          [['resources', { resource_id: resourceId }]],
        );
      }
      default: {
        const grant = this.grants[act.grant % Math.max(this.grants.length, 1)];
        if (act.kind === 'revoke-grant' && grant) this.#ended.add(grant.grantId);
        if (grant) await this.#append([onGrant(act.kind, grant, act.grant)], [['grants', { grant_id: grant.grantId }]]);
      }
    }
  }

  #suspended(what: Extract<Act, { kind: 'suspend' }>['what'], which: number): SuspensionTarget | undefined {
    switch (what) {
      case 'user':
        return { kind: 'user', userId: at(this.users, which) };
      case 'client':
        return { kind: 'client', clientId: at(this.clients, which) };
      case 'resource':
        return { kind: 'resource', resourceId: at(this.resources, which) };
      case 'tenant':
        return { kind: 'tenant' };
      case 'grant': {
        const grant = this.grants[which % Math.max(this.grants.length, 1)];
        return grant && !this.#ended.has(grant.grantId) ? { kind: 'grant', grantId: grant.grantId } : undefined;
      }
    }
  }

  async #append(
    events: readonly NewEvent[],
    keys: ReadonlyArray<readonly [string, Record<string, string>]> = [],
    rows?: AppendInput['rows'],
  ): Promise<void> {
    const current = await Promise.all(
      keys.map(async ([table, key]) => ({ table, row: await rowOf(this.ledger, this.id, table, key) })),
    );
    await this.ledger.store.append({ tenantId: this.id, actor, events, current, ...(rows && { rows }) });
  }
}

function onGrant(
  kind: 'widen' | 'renew' | 'revoke-grant' | 'revoke-family' | 'revoke-token',
  grant: Grant,
  n: number,
): NewEvent {
  const because: Because = 'admin';
  const familyId = uuidv7();
  switch (kind) {
    case 'widen':
      return grantWidened.on(grant.grantId, { scopes: ['a', `s${n}`], added: [`s${n}`], shown: shown(n) });
    case 'renew':
      return grantRenewed.on(grant.grantId, { shown: shown(n) });
    case 'revoke-grant':
      return grantRevoked.on(grant.grantId, { ...grant, because });
    case 'revoke-family':
      return familyRevoked.on(grant.grantId, { ...grant, familyId, because });
    case 'revoke-token':
      return tokenRevoked.on(grant.grantId, { ...grant, familyId, tokenId: uuidv7(), because });
  }
}

const at = <Item>(items: readonly Item[], n: number): Item => items[n % items.length]!;
const shown = (n: number) => ({
  clientName: 'Client',
  nameVerified: true,
  redirectHost: 'client.example',
  metadataDigest: `d${n}`,
  scopes: ['a'],
});

function resource(resourceId: string): Parameters<typeof resourceAdded.on>[1] {
  return {
    resourceId,
    owner: 'tenant',
    kind: 'hosted',
    slug: resourceId,
    url: `https://mcp.example/${resourceId}/mcp`,
    displayName: 'Boards',
    signingAlg: 'ES256',
    scopes: [{ name: 'a', description: 'A', risky: false, default: true }],
    isDefault: false,
  };
}

async function rowOf(
  ledger: TestLedger,
  tenantId: TenantId,
  table: string,
  key: Record<string, string>,
): Promise<ProjectedRow> {
  if (!inlineProjections.some((projection) => projection.table === table))
    throw new Error(`No projection writes ${table}`);
  const where = Object.entries(key).map(([column, value]) => sql`${sql.ref(column)} = ${value}`);
  const { rows } = await ledger.database.asTenant(tenantId, (tx) =>
    sql<ProjectedRow>`SELECT * FROM ${sql.table(table)} WHERE tenant_id = ${tenantId} AND ${sql.join(where, sql` AND `)}`.execute(
      tx,
    ),
  );
  return rows[0]!;
}
