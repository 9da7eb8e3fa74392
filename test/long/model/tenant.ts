import { createHash } from 'node:crypto';
import {
  type Actor,
  decideConsent,
  defaultPolicy,
  type NewEvent,
  policySet,
  type PolicySettings,
  resourceAdded,
  tenantOnboarded,
  userCreated,
} from '@grantkeeper/domain';
import { type CommandIdentity, positionOfLast, type ProjectedRow, retrying } from '@grantkeeper/event-store';
import { tenantId as toTenantId, type TenantId } from '@grantkeeper/kernel';
import { s256 } from '@grantkeeper/tokens';
import { v7 as uuidv7 } from 'uuid';
import { RevokeAccess } from '../../../libs/revocation/src/revoke-access.handler.ts';
import type { RevocationTarget } from '@grantkeeper/domain';
import type { Act, Ended } from './commands.ts';
import type { Product } from './product.ts';

const actor: Actor = { kind: 'system', id: 'model' };
const metadata = {
  redirect_uris: ['https://client.example/cb'],
  grant_types: ['authorization_code', 'refresh_token'],
  token_endpoint_auth_method: 'none',
};
const scopes = ['read', 'write'];

/** A code that a consent gave; its secrets follow from the consent's command, so that a repetition gives the same. */
interface Code {
  readonly seed: string;
  readonly grantId: string;
  readonly clientId: string;
}

export interface Family {
  readonly familyId: string;
  readonly grantId: string;
  readonly clientId: string;
  readonly salt: Buffer;
  generation: number;
}

/** An access token, by what it carries. */
export interface Token {
  readonly tokenId: string;
  readonly grantId: string;
  readonly familyId: string;
  readonly seq: number;
}

/** What a command said when it had been carried out. */
export interface Done {
  readonly events: number | 'some';
}

class Known {
  readonly users: string[] = [];
  readonly clients: string[] = [];
  readonly resources: string[] = [];
  readonly codes: Code[] = [];
  readonly families: Family[] = [];
  readonly tokens: Token[] = [];
}

/** One tenant as its callers know it: only what has been acknowledged to one of them. */
export class ModelTenant extends Known {
  private constructor(
    readonly id: TenantId,
    private readonly product: Product,
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
        return () => this.#addPerson(command);
      case 'client':
        // Known to callers only; it comes to the ledger with the first consent.
        return async () => this.#addClient(`c-${command.id}`);
      case 'resource':
        return () => this.#addResource(command);
      case 'consent': {
        const [userId, clientId, resourceId] = [
          at(this.users, act.user),
          at(this.clients, act.client),
          at(this.resources, act.resource),
        ];
        if (userId === undefined) return () => this.#addPerson(command);
        if (resourceId === undefined) return () => this.#addResource(command);
        if (clientId === undefined) return async () => this.#addClient(`c-${command.id}`);
        return () => this.#consent(command, { userId, clientId, resourceId }, act.wide ? scopes : ['read']);
      }
      case 'revoke': {
        const target = this.#target(act.what, act.pick);
        return target ? () => this.#revoke(command, target) : nothing;
      }
      case 'policy':
        return () => this.#setPolicy(command, { registration: act.registration, refreshIdleSeconds: act.idle });
      case 'redeem': {
        const code = at(this.codes, act.pick);
        return code ? () => this.#redeem(code, act.times) : nothing;
      }
      case 'refresh': {
        const family = at(this.families, act.pick);
        return family ? () => this.#refresh(family, act.times) : nothing;
      }
    }
  }

  /** Decides and appends unless the command has been carried out; what it decided is in its result. */
  async #once<Result extends { events: number }>(
    command: CommandIdentity,
    attempt: () => Promise<Result>,
  ): Promise<Result> {
    return retrying(async () => {
      const before = await this.product.store.resultOf<Result>(this.id, command);
      return before ? before.result : attempt();
    }, 50);
  }

  #addClient(clientId: string): Done {
    if (!this.clients.includes(clientId)) this.clients.push(clientId);
    return { events: 0 };
  }

  async #addPerson(command: CommandIdentity): Promise<Done> {
    const userId = command.id;
    const result = await this.#once(command, async () => {
      const email = { subject: { user: userId }, value: `${userId}@example.org` };
      const done = { events: 1 };
      await this.product.store.append({
        tenantId: this.id,
        actor,
        events: [userCreated.on(userId, { userId, sub: userId, role: 'member' }, { email })],
        facts: [
          {
            kind: 'user.email',
            value: await this.product.tenantKeys.emailIndex(this.id, email.value),
            holder: userId,
            expect: null,
          },
        ],
        rows: { person_keys: [await this.product.personalData.createPersonKey(this.id, userId)] },
        command: { ...command, result: done },
      });
      return done;
    });
    if (!this.users.includes(userId)) this.users.push(userId);
    return result;
  }

  async #addResource(command: CommandIdentity): Promise<Done> {
    const resourceId = command.id;
    const result = await this.#once(command, async () => {
      const done = { events: 1 };
      const event = resourceAdded.on(resourceId, {
        resourceId,
        owner: 'tenant',
        kind: 'hosted',
        slug: resourceId,
        url: `https://mcp.example/${resourceId}/mcp`,
        displayName: 'Boards',
        signingAlg: 'ES256',
        scopes: scopes.map((name) => ({ name, description: name, risky: false, default: true })),
        isDefault: false,
      });
      await this.product.store.append({
        tenantId: this.id,
        actor,
        events: [event],
        command: { ...command, result: done },
      });
      return done;
    });
    if (!this.resources.includes(resourceId)) this.resources.push(resourceId);
    return result;
  }

  async #consent(
    command: CommandIdentity,
    parties: { userId: string; clientId: string; resourceId: string },
    wanted: string[],
  ): Promise<Done> {
    const { userId, clientId, resourceId } = parties;
    const slot = `${userId} ${resourceId} ${clientId}`;
    const result = await this.#once(command, async () => {
      const read = await this.product.database.asTenantAtOneMoment(this.id, async (tx) => {
        const fact = await tx
          .selectFrom('unique_facts')
          .select('holder')
          .where('tenant_id', '=', this.id)
          .where('kind', '=', 'grant.slot')
          .where('value', '=', slot)
          .executeTakeFirst();
        const holder = fact?.holder ?? null;
        const standing =
          holder === null
            ? undefined
            : await tx
                .selectFrom('grant_standing')
                .selectAll()
                .where('tenant_id', '=', this.id)
                .where('grant_id', '=', holder)
                .executeTakeFirst();
        const living = standing && standing.ended_seq === null && standing.watermark <= standing.granted_seq;
        return {
          head: await tx
            .selectFrom('heads')
            .select(['epoch', 'seq'])
            .where('tenant_id', '=', this.id)
            .executeTakeFirstOrThrow(),
          client: await tx
            .selectFrom('clients')
            .selectAll()
            .where('tenant_id', '=', this.id)
            .where('client_id', '=', clientId)
            .executeTakeFirst(),
          holder,
          grant: living
            ? await tx
                .selectFrom('grants')
                .selectAll()
                .where('tenant_id', '=', this.id)
                .where('grant_id', '=', standing.grant_id)
                .executeTakeFirst()
            : undefined,
        };
      });
      const { grantId, events } = decideConsent(
        {
          tenantSuspended: false,
          user: { userId, suspended: false },
          client: {
            clientId,
            kind: 'dynamic',
            admitted: read.client !== undefined,
            blocked: false,
            metadata,
            metadataDigest: 'd',
          },
          resource: { resourceId, suspended: false, scopes },
          ...(read.grant && { grant: { grantId: read.grant.grant_id, scopes: read.grant.scopes } }),
        },
        {
          newGrantId: command.id,
          scopes: wanted,
          shown: { clientName: 'Model', redirectHost: 'client.example', metadataDigest: 'd', scopes: wanted },
          address: '192.0.2.7',
        },
      );
      const done = { events: events.length, grantId, read: read.head.seq };
      const current: Array<{ table: string; row: ProjectedRow }> = [];
      if (read.client) current.push({ table: 'clients', row: { ...read.client } });
      if (read.grant) current.push({ table: 'grants', row: { ...read.grant } });
      await this.product.store.append({
        tenantId: this.id,
        actor,
        read: read.head,
        events,
        current,
        facts: read.grant ? [] : [{ kind: 'grant.slot', value: slot, holder: grantId, expect: read.holder }],
        rows: { authorization_codes: [this.#code(command.id, grantId, clientId, wanted, events)] },
        command: { ...command, result: done },
      });
      return done;
    });
    if (!this.codes.some(({ seed }) => seed === command.id))
      this.codes.push({ seed: command.id, grantId: result.grantId, clientId });
    return result;
  }

  #code(seed: string, grantId: string, clientId: string, wanted: string[], events: readonly NewEvent[]): object {
    return {
      tenant_id: this.id,
      code_hash: `\\x${digest(seed, 'code').toString('hex')}`,
      client_id: clientId,
      grant_id: grantId,
      scopes: wanted,
      redirect_uri: 'https://client.example/cb',
      code_challenge: s256(seed),
      auth_time: new Date().toISOString(),
      born_epoch: 1,
      born_seq: positionOfLast(events.length),
      expires_at: new Date(Date.now() + 3_600_000).toISOString(),
      redeemed_at: null,
      family_id: null,
    };
  }

  async #setPolicy(command: CommandIdentity, changes: Partial<PolicySettings>): Promise<Done> {
    return this.#once(command, async () => {
      const { head, row } = await this.product.database.asTenantAtOneMoment(this.id, async (tx) => ({
        head: await tx
          .selectFrom('heads')
          .select(['epoch', 'seq'])
          .where('tenant_id', '=', this.id)
          .executeTakeFirstOrThrow(),
        row: await tx.selectFrom('policies').selectAll().where('tenant_id', '=', this.id).executeTakeFirstOrThrow(),
      }));
      const done = { events: 1 };
      await this.product.store.append({
        tenantId: this.id,
        actor,
        read: head,
        events: [policySet.on(this.id, { settings: { ...(row.settings as PolicySettings), ...changes } })],
        current: [{ table: 'policies', row: { ...row } }],
        command: { ...command, result: done },
      });
      return done;
    });
  }

  async #revoke(command: CommandIdentity, target: RevocationTarget): Promise<Done> {
    const { changed } = await this.product.revoke.execute(
      new RevokeAccess(this.id, { target, because: 'admin', actor, command }),
    );
    // The last family takes its grant along: then there are two.
    return { events: changed ? 'some' : 0 };
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
      case 'tenant':
        // Rarely: it ends everything, and there would be little left to do.
        return pick % 10 === 0 ? { kind: 'tenant' } : undefined;
    }
  }

  /** Exchanges a code `times` at once, and again when no answer came: its family is made once. */
  async #redeem(code: Code, times: number): Promise<Done> {
    const familyId = code.seed.replace(/^.{8}/, digest(code.seed, 'family').toString('hex').slice(0, 8));
    const salt = digest(code.seed, 'salt');
    const input = {
      codeHash: digest(code.seed, 'code').toString('hex'),
      clientId: code.clientId,
      authMethod: 'none',
      secretHash: null,
      redirectUri: null,
      resource: null,
      challenge: s256(code.seed),
      familyId,
      salt: salt.toString('hex'),
      fingerprint: 'f',
    };
    const answers = await Promise.all(
      Array.from({ length: times }, () =>
        this.product.database.call<{ outcome: string; seq: number; familyId: string }>('redeem_code', this.id, input),
      ),
    );
    const redeemed = answers.filter(({ outcome }) => outcome === 'redeemed');
    if (redeemed.length > 1) throw new Error('A code was redeemed twice.');
    for (const answer of redeemed)
      this.tokens.push({ tokenId: uuidv7(), grantId: code.grantId, familyId, seq: answer.seq });
    const there = answers.some(({ outcome }) => outcome === 'redeemed' || outcome === 'replayed');
    if (there && !this.families.some((family) => family.familyId === familyId)) {
      this.families.push({ familyId, grantId: code.grantId, clientId: code.clientId, salt, generation: 1 });
    }
    return { events: 0 };
  }

  /** Rotates a family `times` at once: one successor, whoever asks. */
  async #refresh(family: Family, times: number): Promise<Done> {
    const inner = digest(family.familyId, 'inner');
    const tag = createHash('sha256').update(family.salt).update(inner).digest('hex');
    const generation = family.generation;
    const input = {
      familyId: family.familyId,
      generation,
      inner: inner.toString('hex'),
      tag,
      clientId: family.clientId,
      authMethod: 'none',
      secretHash: null,
      fingerprint: 'f',
      resource: null,
    };
    const answers = await Promise.all(
      Array.from({ length: times }, () =>
        this.product.database.call<{ outcome: string; seq: number; generation: number }>(
          'rotate_family',
          this.id,
          input,
        ),
      ),
    );
    const given = answers.filter(({ outcome }) => outcome === 'rotated' || outcome === 'replayed');
    if (given.some((answer) => answer.generation !== generation + 1))
      throw new Error('A generation has another successor.');
    if (answers.filter(({ outcome }) => outcome === 'rotated').length > 1)
      throw new Error('A generation was rotated twice.');
    for (const answer of given)
      this.tokens.push({ tokenId: uuidv7(), grantId: family.grantId, familyId: family.familyId, seq: answer.seq });
    if (given.length > 0) family.generation = Math.max(family.generation, generation + 1);
    return { events: 0 };
  }
}

const nothing = async (): Promise<Done> => ({ events: 0 });

function at<Item>(items: readonly Item[], pick: number): Item | undefined {
  return items[pick % Math.max(items.length, 1)];
}

function digest(seed: string, of: string): Buffer {
  return createHash('sha256').update(`${seed}/${of}`).digest();
}
