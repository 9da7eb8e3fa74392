import type { Transaction } from '@grantkeeper/event-store';
import { sql } from 'kysely';
import type { AsyncProjection, FollowedEvent } from './async-projection.ts';
import { endOfPrefix, queryPrefixes, searchWords } from './search-words.ts';

export type SearchKind = 'client' | 'resource' | 'scope' | 'user' | 'grant';

export interface SearchEntry {
  readonly kind: SearchKind;
  readonly id: string;
  readonly title: string;
  readonly detail: string;
}

interface Indexed extends SearchEntry {
  /** What it is found by: the words of these, */
  readonly texts: readonly string[];
  /** and how these begin: nobody looks for what is in the middle of a UUID, and there is one of each link. */
  readonly ids?: readonly string[];
}

/**
 * What the lists of admins are searched by: names, ids and URLs of clients, resources and scopes, ids of people and
 * grants. Names and addresses of people are not here: they stay sealed, and an e-mail is found by its keyed HMAC.
 */
export const adminSearch: AsyncProjection = {
  name: 'admin-search',
  version: 1,
  tables: ['admin_search_entries', 'admin_search_words'],
  handles: new Set([
    'ClientAdmitted',
    'ClientChanged',
    'ResourceAdded',
    'UserCreated',
    'GrantCreated',
    'ClientGrantCreated',
  ]),
  async apply(events, tx, generation) {
    // Of the same thing told twice the last stands.
    const entries = new Map(
      events.flatMap((event) =>
        entriesOf(event).map(
          (entry) => [`${entry.kind} ${entry.id}`, { ...entry, tenant_id: event.tenantId, generation }] as const,
        ),
      ),
    );
    if (entries.size === 0) return;
    const rows = [...entries.values()].map(({ texts: _texts, ids: _ids, ...row }) => row);
    const words = [...entries.values()].flatMap(({ tenant_id, kind, id, texts, ids = [] }) =>
      [...new Set([...texts.flatMap(searchWords), ...ids])].map((word) => ({ tenant_id, generation, word, kind, id })),
    );
    await sql`
      INSERT INTO admin_search_entries SELECT * FROM jsonb_populate_recordset(NULL::admin_search_entries, ${JSON.stringify(rows)}::jsonb)
      ON CONFLICT (tenant_id, generation, kind, id) DO UPDATE SET title = excluded.title, detail = excluded.detail`.execute(
      tx,
    );
    await sql`
      INSERT INTO admin_search_words SELECT * FROM jsonb_populate_recordset(NULL::admin_search_words, ${JSON.stringify(words)}::jsonb)
      ON CONFLICT DO NOTHING`.execute(tx);
  },
};

function entriesOf({ type, payload, streamId }: FollowedEvent): Indexed[] {
  switch (type) {
    case 'ClientAdmitted':
    case 'ClientChanged': {
      const metadata = payload['metadata'] as Record<string, unknown> | undefined;
      const id = String(payload['clientId']);
      const name = typeof metadata?.['client_name'] === 'string' ? metadata['client_name'] : id;
      const uri = typeof metadata?.['client_uri'] === 'string' ? metadata['client_uri'] : '';
      // Also by where it is from and sends people, since it says its name itself.
      const hosts = ((payload['subjects'] ?? []) as readonly string[])
        .filter((subject) => /^(host|publisher):/.test(subject))
        .map((subject) => subject.slice(subject.indexOf(':') + 1));
      return [{ kind: 'client', id, title: name, detail: id, texts: [name, id, uri, ...hosts] }];
    }
    case 'ResourceAdded': {
      const id = String(payload['resourceId']);
      const [name, url, slug] = [String(payload['displayName']), String(payload['url']), String(payload['slug'])];
      const scopes = (payload['scopes'] ?? []) as readonly { name: string; description: string }[];
      return [
        { kind: 'resource', id, title: name, detail: url, texts: [name, url, slug], ids: [id] },
        ...scopes.map((scope): Indexed => ({
          kind: 'scope',
          id: `${id} ${scope.name}`,
          title: scope.name,
          detail: `${scope.description} (${name})`,
          texts: [scope.name, scope.description],
        })),
      ];
    }
    case 'UserCreated': {
      const [id, sub] = [String(payload['userId']), String(payload['sub'])];
      return [{ kind: 'user', id, title: sub, detail: String(payload['role']), texts: [sub], ids: [id] }];
    }
    case 'GrantCreated':
    case 'ClientGrantCreated': {
      const shown = payload['shown'] as { clientName?: string } | undefined;
      const scopes = (payload['scopes'] ?? []) as readonly string[];
      return [
        {
          kind: 'grant',
          id: streamId,
          title: `Link of ${shown?.clientName ?? String(payload['clientId'])}`,
          detail: scopes.join(' '),
          texts: [],
          ids: [streamId],
        },
      ];
    }
    default:
      return [];
  }
}

/** Entries that have, for every word of `query`, one that begins with it; by kind and title. */
export async function searchAdmin(
  tx: Transaction,
  tenantId: string,
  generation: number,
  query: string,
  limit: number,
): Promise<SearchEntry[]> {
  const prefixes = queryPrefixes(query).slice(0, 8);
  if (prefixes.length === 0) return [];
  const found = sql.join(
    prefixes.map(
      (prefix) => sql`SELECT kind, id FROM admin_search_words
        WHERE tenant_id = ${tenantId} AND generation = ${generation} AND word >= ${prefix} AND word < ${endOfPrefix(prefix)}`,
    ),
    sql` INTERSECT `,
  );
  const { rows } = await sql<SearchEntry>`
    SELECT e.kind, e.id, e.title, e.detail FROM admin_search_entries e
    WHERE e.tenant_id = ${tenantId} AND e.generation = ${generation} AND (e.kind, e.id) IN (${found})
    ORDER BY e.kind, e.title, e.id LIMIT ${limit}`.execute(tx);
  return rows;
}
