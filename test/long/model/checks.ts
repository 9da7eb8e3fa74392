import { type Database, verifyLedger } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import { inlineProjections } from '@grantkeeper/read-models';
import { sql } from 'kysely';
import type { Done } from './known.ts';
import type { ModelTenant } from './tenant.ts';

/** How a command ended for whoever sent it. */
export type Outcome = { readonly done: Done } | { readonly refused: string };

interface Event {
  readonly seq: number;
  readonly event_id: string;
  readonly stream_type: string;
  readonly stream_id: string;
  readonly stream_version: number;
  readonly type: string;
  readonly recorded_at: Date;
  readonly command_id: string | null;
  readonly payload: Record<string, string>;
}

const WIDE = new Set([
  'UserAccessRevoked',
  'ClientAccessRevoked',
  'ResourceAccessRevoked',
  'TenantAccessRevoked',
  'PairAccessRevoked',
  'PolicySet',
]);
const CONSENTS = new Set(['GrantCreated', 'GrantWidened', 'GrantRenewed']);

/** Everything that is not as it must be, in words; empty when all holds. */
export async function violations(
  database: Database,
  tenant: ModelTenant,
  commands: ReadonlyMap<string, Outcome>,
  told: readonly number[],
): Promise<string[]> {
  const found: string[] = [];
  const { events, head, kept, seen } = await readAll(database, tenant.id);
  const say = (what: string): void => {
    if (found.length < 20) found.push(`${tenant.id}: ${what}`);
  };

  events.forEach((event, index) => {
    if (event.seq !== index + 1) say(`seq ${event.seq} is the ${index + 1}th event`);
    if (index > 0 && event.recorded_at < (events[index - 1] as Event).recorded_at)
      say(`seq ${event.seq} was recorded before ${event.seq - 1}`);
  });
  if (head !== events.length) say(`the head is at ${head} after ${events.length} events`);
  if (new Set(events.map((event) => event.event_id)).size !== events.length) say('an event id is there twice');
  const versions = new Map<string, number>();
  for (const event of events) {
    const stream = `${event.stream_type}/${event.stream_id}`;
    const due = (versions.get(stream) ?? 0) + 1;
    if (event.stream_version !== due) say(`${stream} has version ${event.stream_version} where ${due} is due`);
    versions.set(stream, due);
  }

  // No acknowledged command without its events, no event of a refused or unknown one, nothing twice.
  const counted = new Map<string, number>();
  for (const { command_id } of events)
    if (command_id !== null) counted.set(command_id, (counted.get(command_id) ?? 0) + 1);
  for (const [id, outcome] of commands) {
    const recorded = counted.get(id) ?? 0;
    counted.delete(id);
    const expected = 'done' in outcome ? outcome.done.events : 0;
    if (expected === 'some' ? recorded < 1 || recorded > 2 : recorded !== expected)
      say(`command ${id} has ${recorded} events, and was told ${JSON.stringify(outcome)}`);
    if (recorded > 0 && !kept.has(id)) say(`command ${id} has no result`);
  }
  for (const id of counted.keys()) say(`events of a command that nobody sent: ${id}`);

  // A decision that a wider act has overtaken is not there.
  for (const [id, read] of kept) {
    const consent = events.find((event) => event.command_id === id && CONSENTS.has(event.type));
    if (!consent || read === undefined) continue;
    const overtaking = events.slice(read, consent.seq - 1).find((event) => WIDE.has(event.type));
    if (overtaking)
      say(`a consent read at ${read} and recorded at ${consent.seq} outlived ${overtaking.type} at ${overtaking.seq}`);
  }

  // Once each and in order for our own rows; at least once, and first times in order, for others.
  if (
    seen.length !== events.length ||
    seen.some((row, index) => row.seq !== index + 1 || row.event_id !== events[index]?.event_id)
  ) {
    say(
      `the inward consumer has ${seen.length} rows for ${events.length} events: ${JSON.stringify(seen.map((row) => row.seq).slice(0, 50))}`,
    );
  }
  const firsts = [...new Set(told)];
  if (firsts.length !== events.length || firsts.some((seq, index) => seq !== index + 1))
    say(`the outward consumer told ${firsts.length} of ${events.length} events, or not in order`);

  found.push(...(await tokensThatDiffer(database, tenant, events)));
  const { ok, differences } = await verifyLedger(database, inlineProjections, tenant.id);
  if (!ok) say(`the projections are not the fold: ${JSON.stringify(differences[0])}`);
  return found;
}

async function readAll(database: Database, tenantId: TenantId) {
  return database.asTenantAtOneMoment(tenantId, async (tx) => ({
    head: (await tx.selectFrom('heads').select('seq').where('tenant_id', '=', tenantId).executeTakeFirstOrThrow()).seq,
    events: (await tx
      .selectFrom('events')
      .select([
        'seq',
        'event_id',
        'stream_type',
        'stream_id',
        'stream_version',
        'type',
        'recorded_at',
        'command_id',
        'payload',
      ])
      .where('tenant_id', '=', tenantId)
      .orderBy('seq')
      .execute()) as Event[],
    kept: new Map(
      (
        await tx.selectFrom('commands').select(['command_id', 'result']).where('tenant_id', '=', tenantId).execute()
      ).map((row) => [row.command_id, (row.result as { read?: number } | null)?.read]),
    ),
    seen: (
      await sql<{
        seq: number;
        event_id: string;
      }>`SELECT seq, event_id FROM seen WHERE tenant_id = ${tenantId} ORDER BY nr`.execute(tx)
    ).rows,
  }));
}

/** Every access token that was given out is alive exactly when no event that names it, or what it hangs on, came after it. */
async function tokensThatDiffer(database: Database, tenant: ModelTenant, events: readonly Event[]): Promise<string[]> {
  const grants = new Map<string, { userId: string; clientId: string; resourceId: string }>();
  const ended = new Set<string>();
  const raised = new Map<string, number>();
  for (const { type, seq, payload, stream_id } of events) {
    const { grantId, familyId, tokenId, userId, clientId, resourceId } = payload;
    if (type === 'GrantCreated') grants.set(stream_id, { userId, clientId, resourceId } as never);
    else if (type === 'GrantRevoked') ended.add(`grant/${grantId}`);
    else if (type === 'FamilyRevoked') ended.add(`family/${familyId}`);
    else if (type === 'TokenRevoked') ended.add(`token/${tokenId}`);
    else if (type === 'UserAccessRevoked') raised.set(`user/${userId}`, seq);
    else if (type === 'ClientAccessRevoked') raised.set(`client/${clientId}`, seq);
    else if (type === 'ResourceAccessRevoked') raised.set(`resource/${resourceId}`, seq);
    else if (type === 'PairAccessRevoked')
      raised.set(`pair/${userId ?? '*'}/${clientId ?? '*'}/${resourceId ?? '*'}`, seq);
    else if (type === 'TenantAccessRevoked') raised.set('tenant', seq);
  }
  const differing: string[] = [];
  const alive = (token: ModelTenant['tokens'][number]): boolean => {
    const grant = grants.get(token.grantId);
    if (
      !grant ||
      [`grant/${token.grantId}`, `family/${token.familyId}`, `token/${token.tokenId}`].some((name) => ended.has(name))
    )
      return false;
    const { userId, clientId, resourceId } = grant;
    const marks = [
      `user/${userId}`,
      `client/${clientId}`,
      `resource/${resourceId}`,
      'tenant',
      `pair/${userId}/${clientId}/*`,
      `pair/${userId}/*/${resourceId}`,
      `pair/*/${clientId}/${resourceId}`,
      `pair/${userId}/${clientId}/${resourceId}`,
    ].map((name) => raised.get(name) ?? 0);
    return Math.max(...marks) <= token.seq;
  };
  const batch = 50;
  for (let from = 0; from < tenant.tokens.length && differing.length < 5; from += batch) {
    const some = tenant.tokens.slice(from, from + batch);
    const said = await Promise.all(
      some.map((token) => database.call<string | null>('access_standing', tenant.id, { ...token, epoch: 1 })),
    );
    some.forEach((token, index) => {
      if ((said[index] === null) !== alive(token))
        differing.push(
          `${tenant.id}: token ${JSON.stringify(token)} is ${String(said[index])}, the events say ${alive(token) ? 'alive' : 'dead'}`,
        );
    });
  }
  return differing;
}
