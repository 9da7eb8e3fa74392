import { Injectable } from '@nestjs/common';
import { type clientAdmitted, type clientChanged, type EventOf, upcast } from '@grantkeeper/domain';
import { Database, type Transaction } from '@grantkeeper/event-store';
import { DomainError, type TenantId } from '@grantkeeper/kernel';
import { changedFields, type ClientMetadata } from '@grantkeeper/oauth';

/** One version of what a client says of itself. */
export interface ClientVersion {
  readonly metadataDigest: string;
  readonly metadata: unknown;
  /** It is the one that was consented to, or admitted, last. */
  readonly holds: boolean;
  /** The fields in which it differs from the one that holds. */
  readonly differsIn: readonly string[];
  /** How often it became the one that holds, the newest first: by whom, and where that stands in the ledger. */
  readonly recorded: readonly {
    readonly seq: number;
    readonly at: Date;
    readonly by: 'consent' | 'admin' | 'policy';
  }[];
  /** When it was read at the client's URL; null when that was never, or is forgotten. */
  readonly published: { readonly firstAt: Date; readonly lastAt: Date } | null;
  /** Living links that were given to this version. */
  readonly activeGrants: number;
}

/** A set of keys as it was met where a client says that its keys are. */
export interface ClientKeySetVersion {
  readonly url: string;
  readonly digest: string;
  /** Public keys (RFC 7517). */
  readonly keys: readonly unknown[];
  readonly published: { readonly firstAt: Date; readonly lastAt: Date };
}

/** Far more than a client has: one that changes at every fetch shall not fill the page. */
const MOST_RECORDED = 500;

/** The versions of a client's metadata (CIMD-25): those in the ledger, and of documents those met in the last 90 days. */
@Injectable()
export class ClientVersions {
  constructor(private readonly database: Database) {}

  /**
   * The one seen last first; beside them the sets of keys that were met at every `jwks_uri` they name, since a client
   * can change its keys without a word in its metadata. Rejects with `client.not_found` for a client that nobody has met.
   */
  async list(
    tenantId: TenantId,
    clientId: string,
    limit: number,
  ): Promise<{ versions: ClientVersion[]; keySets: ClientKeySetVersion[] }> {
    const { client, recorded, published, links, keySets } = await this.database.asTenantAtOneMoment(tenantId, (tx) =>
      read(tx, tenantId, clientId),
    );
    if (recorded.length === 0 && published.length === 0)
      throw new DomainError('client.not_found', 'There is no such client.', 'not_found');
    const holds = client?.removed_seq === null ? client : undefined;
    const digests = [
      ...recorded.map(({ payload }) => payload.metadataDigest),
      ...published.map((row) => row.metadata_digest),
    ];
    const versions = [...new Set(digests)].map((digest) => {
      const decisions = recorded.filter(({ payload }) => payload.metadataDigest === digest);
      const met = published.find((row) => row.metadata_digest === digest);
      const metadata: unknown = decisions[0]?.payload.metadata ?? met?.metadata;
      const seen = Math.max(decisions[0]?.at.getTime() ?? 0, met?.last_fetched_at.getTime() ?? 0);
      const version: ClientVersion = {
        metadataDigest: digest,
        metadata,
        holds: holds?.metadata_digest === digest,
        differsIn: holds ? changedFields(holds.metadata, metadata as ClientMetadata) : [],
        recorded: decisions.map(({ seq, at, payload }) => ({ seq, at, by: payload.by })),
        published: met ? { firstAt: met.first_fetched_at, lastAt: met.last_fetched_at } : null,
        activeGrants: links.find((row) => row.metadata_digest === digest)?.links ?? 0,
      };
      return { seen, version };
    });
    return {
      versions: versions
        .sort((one, other) => other.seen - one.seen)
        .slice(0, limit)
        .map(({ version }) => version),
      keySets: keySets.slice(0, limit).map((row) => ({
        url: row.url,
        digest: row.digest,
        keys: (row.key_set as { keys?: readonly unknown[] }).keys ?? [],
        published: { firstAt: row.first_fetched_at, lastAt: row.last_fetched_at },
      })),
    };
  }
}

type Recorded = EventOf<typeof clientAdmitted>['payload'] | EventOf<typeof clientChanged>['payload'];

async function read(tx: Transaction, tenantId: TenantId, clientId: string) {
  const ofClient = { tenant_id: tenantId, client_id: clientId };
  const client = await tx
    .selectFrom('clients')
    .select(['metadata', 'metadata_digest', 'removed_seq'])
    .where((of) => of.and(ofClient))
    .executeTakeFirst();
  const events = await tx
    .selectFrom('events')
    .select(['seq', 'type', 'schema_version', 'payload', 'recorded_at'])
    .where('tenant_id', '=', tenantId)
    .where('stream_type', '=', 'client')
    .where('stream_id', '=', clientId)
    .where('type', 'in', ['ClientAdmitted', 'ClientChanged'])
    .orderBy('stream_version', 'desc')
    .limit(MOST_RECORDED)
    .execute();
  const published = await tx
    .selectFrom('client_document_versions')
    .selectAll()
    .where((of) => of.and(ofClient))
    .orderBy('last_fetched_at', 'desc')
    .limit(MOST_RECORDED)
    .execute();
  const links = await tx
    .selectFrom('grants as g')
    .innerJoin('grant_standing as s', (join) =>
      join.onRef('s.tenant_id', '=', 'g.tenant_id').onRef('s.grant_id', '=', 'g.grant_id'),
    )
    .select(['g.metadata_digest', (of) => of.fn.countAll<number>().as('links')])
    .where('g.tenant_id', '=', tenantId)
    .where('g.client_id', '=', clientId)
    .where('s.ended_seq', 'is', null)
    .whereRef('s.watermark', '<=', 's.granted_seq')
    .groupBy('g.metadata_digest')
    .execute();
  const recorded = events.map((event) => ({
    seq: event.seq,
    at: event.recorded_at,
    payload: upcast(event.type, event.schema_version, event.payload) as Recorded,
  }));
  const places = [...recorded.map(({ payload }) => payload.metadata), ...published.map(({ metadata }) => metadata)]
    .map((metadata) => (metadata as { jwks_uri?: unknown }).jwks_uri)
    .filter((place) => typeof place === 'string');
  const keySets =
    places.length === 0
      ? []
      : await tx
          .selectFrom('client_key_set_versions')
          .selectAll()
          .where('tenant_id', '=', tenantId)
          .where('url', 'in', [...new Set(places)])
          .orderBy('last_fetched_at', 'desc')
          .limit(MOST_RECORDED)
          .execute();
  return { client, recorded, published, links, keySets };
}
