import { Injectable } from '@nestjs/common';
import { eventCatalogue } from '@grantkeeper/domain';
import { Database, type Transaction } from '@grantkeeper/event-store';
import { PersonalData } from '@grantkeeper/keys';
import { DomainError, type TenantId } from '@grantkeeper/kernel';
import { tellRecorded } from '@grantkeeper/read-models';
import { sql } from 'kysely';

/** Acts wider than a link, that end, hold or resume what was there before them. */
const wideTypes = eventCatalogue.filter(({ type, wide }) => wide || type.endsWith('Resumed')).map(({ type }) => type);
/** A block or a suspension holds links and ends none. */
const endingTypes = eventCatalogue
  .filter(({ type, wide, endsAccess }) => wide && endsAccess && /(AccessRevoked|Removed)$/.test(type))
  .map(({ type }) => type);

export interface StoryPage {
  readonly after: number;
  readonly limit: number;
}

/** The story of one grant: its own events, and the wider acts that reached it while it lived. */
@Injectable()
export class GrantStories {
  constructor(
    private readonly database: Database,
    private readonly personalData: PersonalData,
  ) {}

  /** In the order of the ledger; rejects with `grant.not_found`. */
  async tell(tenantId: TenantId, grantId: string, page: StoryPage) {
    const rows = await this.database.asTenantAtOneMoment(tenantId, async (tx) => {
      const grant = await tx
        .selectFrom('grants')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .where('grant_id', '=', grantId)
        .executeTakeFirst();
      if (!grant) throw new DomainError('grant.not_found', 'There is no such grant.', 'not_found');
      return eventsOf(tx, grant, page);
    });
    return Promise.all(
      rows.map(async ({ schema_version: schemaVersion, ...row }) => {
        const { type, actor } = row;
        const { words, payload } = tellRecorded({ type, schemaVersion, actor, payload: row.payload });
        return {
          id: row.event_id,
          seq: row.seq,
          recordedAt: row.recorded_at,
          /** Id of the event that it follows from. */
          causationId: row.causation_id,
          type: row.type,
          words,
          /** What the act named: the link itself, one installation or token of it, or something wider. */
          reach: row.stream_type === 'grant' ? reachOf(payload) : row.stream_type,
          installation: (payload as { familyId?: string }).familyId ?? null,
          actor: row.actor as unknown,
          personal: await this.#open(tenantId, row.personal as Record<string, string>),
          payload,
        };
      }),
    );
  }

  async #open(tenantId: TenantId, sealed: Readonly<Record<string, string>>): Promise<Record<string, string | null>> {
    const opened = Object.entries(sealed).map(
      async ([field, value]) => [field, await this.personalData.open(tenantId, field, value)] as const,
    );
    return Object.fromEntries(await Promise.all(opened));
  }
}

function reachOf(payload: unknown): 'token' | 'installation' | 'grant' {
  const { tokenId, familyId } = payload as { tokenId?: string; familyId?: string };
  if (tokenId !== undefined) return 'token';
  return familyId === undefined ? 'grant' : 'installation';
}

interface Parties {
  readonly tenant_id: string;
  readonly grant_id: string;
  readonly user_id: string | null;
  readonly client_id: string;
  readonly resource_id: string;
  readonly granted_seq: number;
  readonly revoked_seq: number | null;
}

async function eventsOf(tx: Transaction, grant: Parties, { after, limit }: StoryPage) {
  const wide = tx
    .selectFrom('events as e')
    .select(['e.seq', 'e.type'])
    .where('e.tenant_id', '=', grant.tenant_id)
    .where('e.seq', '>', grant.granted_seq)
    .$if(grant.revoked_seq !== null, (events) => events.where('e.seq', '<', grant.revoked_seq ?? 0))
    .where('e.type', 'in', wideTypes)
    .where((e) =>
      e.or([
        e.and([e('e.stream_type', '=', 'user'), e('e.stream_id', '=', grant.user_id ?? '-')]),
        e.and([e('e.stream_type', '=', 'client'), e('e.stream_id', '=', grant.client_id)]),
        e.and([
          e('e.stream_type', '=', 'client-rule'),
          sql<boolean>`e.stream_id = ANY (SELECT unnest(c.subjects) FROM clients c
            WHERE c.tenant_id = ${grant.tenant_id} AND c.client_id = ${grant.client_id})`,
        ]),
        e.and([e('e.stream_type', '=', 'resource'), e('e.stream_id', '=', grant.resource_id)]),
        e.and([e('e.stream_type', '=', 'tenant'), e('e.stream_id', '=', grant.tenant_id)]),
        e.and([
          e('e.stream_type', '=', 'pair'),
          sql<boolean>`coalesce(e.payload->>'userId', '*') IN (${grant.user_id ?? '-'}, '*')
            AND coalesce(e.payload->>'clientId', '*') IN (${grant.client_id}, '*')
            AND coalesce(e.payload->>'resourceId', '*') IN (${grant.resource_id}, '*')`,
        ]),
      ]),
    );
  // What comes after the act that ended the link did not concern it any more.
  const ended = await tx
    .selectFrom(wide.as('w'))
    .select((e) => e.fn.min('w.seq').as('seq'))
    .where('w.type', 'in', endingTypes)
    .executeTakeFirst();
  return tx
    .selectFrom('events as e')
    .selectAll()
    .where('e.tenant_id', '=', grant.tenant_id)
    .where('e.seq', '>', after)
    .where((e) =>
      e.or([
        e.and([e('e.stream_type', '=', 'grant'), e('e.stream_id', '=', grant.grant_id)]),
        e(
          'e.seq',
          'in',
          wide
            .clearSelect()
            .select('e.seq')
            .$if(typeof ended?.seq === 'number', (events) => events.where('e.seq', '<=', Number(ended?.seq))),
        ),
      ]),
    )
    .orderBy('e.seq')
    .limit(limit)
    .execute();
}
