import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import {
  type Actor,
  type Because,
  type ClientRule,
  decideRevocation,
  pairId,
  type RevokedPair,
  type RevocationState,
  type RevocationTarget,
  type ReuseEvidence,
} from '@grantkeeper/domain';
import {
  type AppendInput,
  type CommandIdentity,
  Database,
  EventStore,
  type Transaction,
} from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import { causeOfMisuse } from './cause-of-misuse.ts';
import { appendRevocation, type RevocationResult, revokingOnce } from './revocation-result.ts';
import { type Current, readLastSuspension } from './suspension-state.ts';

export interface RevokeAccessInput {
  readonly target: RevocationTarget;
  readonly because: Because;
  readonly actor: Actor;
  readonly origin?: AppendInput['origin'];
  /** Free text of the person who revokes. */
  readonly reason?: string;
  /** What was seen of a refresh token that was reused. */
  readonly evidence?: ReuseEvidence;
  /** Id of the event that the revocation follows from; for misuse it is found. */
  readonly causationId?: string | undefined;
  /** UUID of the act that the revocation is a part of, where that has more than one append. */
  readonly correlationId?: string | undefined;
  /** Keeps the person or the client out as well, in the same commit. */
  readonly block?: boolean | undefined;
  /** Only if no installation of the grant has been used since this day; refused as a conflict otherwise. */
  readonly unusedSince?: string;
  readonly command?: CommandIdentity;
}

/** Ends access of one token, family, grant, user, client, resource, pair or tenant. When it answers, it has been committed. */
export class RevokeAccess extends Command<RevocationResult> {
  constructor(
    readonly tenantId: TenantId,
    readonly input: RevokeAccessInput,
  ) {
    super();
  }
}

@CommandHandler(RevokeAccess)
export class RevokeAccessHandler implements ICommandHandler<RevokeAccess> {
  constructor(
    private readonly database: Database,
    private readonly store: EventStore,
  ) {}

  async execute({ tenantId, input }: RevokeAccess): Promise<RevocationResult> {
    return revokingOnce(this.store, tenantId, input.command, async () => {
      const { position, causationId, state, current } = await this.database.asTenantAtOneMoment(
        tenantId,
        async (tx) => {
          const head = await tx
            .selectFrom('heads')
            .select(['epoch', 'seq'])
            .where('tenant_id', '=', tenantId)
            .executeTakeFirstOrThrow();
          const cause = input.causationId ?? (await causeOfMisuse(tx, tenantId, input.target, input.because));
          return { position: head, causationId: cause, ...(await stateToBlock(tx, tenantId, input)) };
        },
      );
      const { block, ...act } = input;
      const events = decideRevocation(tenantId, state, {
        ...act,
        by: input.actor.kind,
        ...(block !== undefined && { block }),
      });
      const families = events.flatMap((event) =>
        event.definition.type === 'FamilyRevoked' ? [(event.payload as { familyId: string }).familyId] : [],
      );
      // Decided from what was read, and true when it commits: an installation that has come meanwhile keeps its link.
      const last = families.length > 0 && events.some((event) => event.definition.type === 'GrantRevoked');
      const trailing =
        events.length - 1 - events.findLastIndex(({ definition }) => definition.type.endsWith('Revoked'));
      const revocation = {
        tenantId,
        actor: input.actor,
        origin: input.origin,
        ...(causationId !== undefined && { causationId }),
        ...(input.correlationId !== undefined && { correlationId: input.correlationId }),
        read: position,
        events,
        current,
        ...(families.length > 0 && { endFamilies: families }),
        ...(input.unusedSince !== undefined &&
          'grantId' in input.target && {
            unused: { grantId: input.target.grantId, since: input.unusedSince },
          }),
        ...(last && 'grantId' in input.target && { endsLastFamilyOf: input.target.grantId }),
        command: input.command,
      };
      return appendRevocation(this.store, revocation, trailing);
    });
  }
}

/** The same with what keeping someone out is decided on, where that is asked for. */
async function stateToBlock(
  tx: Transaction,
  tenantId: TenantId,
  { target, block }: RevokeAccessInput,
): Promise<{ state: RevocationState; current: Current }> {
  const read = await stateOf(tx, tenantId, target);
  if (!block || !read.state.exists) return read;
  if (target.kind === 'user') {
    const last = await readLastSuspension(tx, tenantId, target);
    const suspended = read.current[0]?.row['suspended'] === true;
    return {
      state: { ...read.state, suspended, suspendedBy: (last?.['actor'] as Actor | undefined)?.kind },
      current: [...read.current, ...(last ? [{ table: 'suspensions', row: last }] : [])],
    };
  }
  if (target.kind !== 'client') return read;
  const subject = `client:${target.clientId}`;
  const rows = await tx
    .selectFrom('client_rules')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where((rule) => rule.or([rule('subject', '=', subject), rule('removed_seq', 'is', null)]))
    .execute();
  const row = rows.find((one) => one.subject === subject);
  const rules = rows.filter((one) => one.removed_seq === null).length;
  const rule =
    row && row.removed_seq === null
      ? { subject, effect: row.effect as ClientRule['effect'], scopes: row.scopes }
      : undefined;
  return {
    state: { ...read.state, rules: { rule, rules, setBy: (row?.actor as Actor | undefined)?.kind } },
    current: [...read.current, ...(row ? [{ table: 'client_rules', row: { ...row } }] : [])],
  };
}

/** The rows that the decision is made on, and that its events evolve. */
async function stateOf(
  tx: Transaction,
  tenantId: TenantId,
  target: RevocationTarget,
): Promise<{ state: RevocationState; current: Current }> {
  switch (target.kind) {
    case 'tenant':
      return known(
        'tenants',
        await tx.selectFrom('tenants').selectAll().where('tenant_id', '=', tenantId).executeTakeFirst(),
      );
    case 'user':
      return known(
        'users',
        await tx
          .selectFrom('users')
          .selectAll()
          .where('tenant_id', '=', tenantId)
          .where('user_id', '=', target.userId)
          .executeTakeFirst(),
      );
    case 'client':
      return known(
        'clients',
        await tx
          .selectFrom('clients')
          .selectAll()
          .where('tenant_id', '=', tenantId)
          .where('client_id', '=', target.clientId)
          .executeTakeFirst(),
      );
    case 'resource':
      return known(
        'resources',
        await tx
          .selectFrom('resources')
          .selectAll()
          .where('tenant_id', '=', tenantId)
          .where('resource_id', '=', target.resourceId)
          .executeTakeFirst(),
      );
    case 'pair': {
      const missing = await missingOf(tx, tenantId, target);
      if (missing) return { state: { exists: false, missing }, current: [] };
      const row = await tx
        .selectFrom('pair_watermarks')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .where('pair_id', '=', pairId(target))
        .executeTakeFirst();
      return { state: { exists: true }, current: row ? [{ table: 'pair_watermarks', row: { ...row } }] : [] };
    }
    case 'grant':
    case 'family':
    case 'token': {
      const row = await tx
        .selectFrom('grants')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .where('grant_id', '=', target.grantId)
        .executeTakeFirst();
      if (!row) return { state: { exists: false }, current: [] };
      const families = await tx
        .selectFrom('families')
        .select('family_id')
        .where('tenant_id', '=', tenantId)
        .where('grant_id', '=', target.grantId)
        .where('ended_seq', 'is', null)
        .execute();
      const ended =
        target.kind === 'token' &&
        (await tx
          .selectFrom('revocations')
          .select('revoked_seq')
          .where('tenant_id', '=', tenantId)
          .where('kind', '=', 'token')
          .where('token_id', '=', target.tokenId)
          .executeTakeFirst()) !== undefined;
      const grant = {
        grantId: row.grant_id,
        ...(row.user_id !== null && { userId: row.user_id }),
        clientId: row.client_id,
        resourceId: row.resource_id,
        ended: row.revoked_seq !== null,
        suspended: row.suspended,
        livingFamilies: families.map((family) => family.family_id),
      };
      return { state: { exists: true, grant, tokenEnded: ended }, current: [{ table: 'grants', row: { ...row } }] };
    }
  }
}

/** The first of those that a pair names that the tenant does not know. */
async function missingOf(
  tx: Transaction,
  tenantId: TenantId,
  { userId, clientId, resourceId }: RevokedPair,
): Promise<RevocationState['missing']> {
  const there = async (table: 'users' | 'clients' | 'resources', column: string, id: string | undefined) =>
    id === undefined ||
    (await tx
      .selectFrom(table)
      .select('tenant_id')
      .where('tenant_id', '=', tenantId)
      .where(column as never, '=', id as never)
      .executeTakeFirst()) !== undefined;
  if (!(await there('users', 'user_id', userId))) return 'user';
  if (!(await there('clients', 'client_id', clientId))) return 'client';
  if (!(await there('resources', 'resource_id', resourceId))) return 'resource';
  return undefined;
}

function known(table: string, row: object | undefined): { state: RevocationState; current: Current } {
  return { state: { exists: row !== undefined }, current: row ? [{ table, row: { ...row } }] : [] };
}
