import {
  decideConsent,
  type NewEvent,
  policySet,
  type PolicySettings,
  resourceAdded,
  type RevocationTarget,
  userCreated,
} from '@grantkeeper/domain';
import { type CommandIdentity, positionOfLast, type ProjectedRow, retrying } from '@grantkeeper/event-store';
import { s256 } from '@grantkeeper/tokens';
import { RevokeAccess } from '../../../libs/revocation/src/revoke-access.handler.ts';
import { digest } from './secrets.ts';
import { actor, type Done, type Served } from './known.ts';

const metadata = {
  redirect_uris: ['https://client.example/cb'],
  grant_types: ['authorization_code', 'refresh_token'],
  token_endpoint_auth_method: 'none',
};
export const scopes = ['read', 'write'];

/** Decides and appends unless the command has been carried out; what it decided is in its result. */
async function once<Result extends { events: number }>(
  tenant: Served,
  command: CommandIdentity,
  attempt: () => Promise<Result>,
): Promise<Result> {
  return retrying(async () => {
    const before = await tenant.product.store.resultOf<Result>(tenant.id, command);
    return before ? before.result : attempt();
  }, 50);
}

export function addClient(tenant: Served, clientId: string): Done {
  if (!tenant.clients.includes(clientId)) tenant.clients.push(clientId);
  return { events: 0 };
}

export async function addPerson(tenant: Served, command: CommandIdentity): Promise<Done> {
  const userId = command.id;
  const result = await once(tenant, command, async () => {
    const email = { subject: { user: userId }, value: `${userId}@example.org` };
    const done = { events: 1 };
    await tenant.product.store.append({
      tenantId: tenant.id,
      actor,
      events: [userCreated.on(userId, { userId, sub: userId, role: 'member', emailVerified: false }, { email })],
      facts: [
        {
          kind: 'user.email',
          value: await tenant.product.tenantKeys.emailIndex(tenant.id, email.value),
          holder: userId,
          expect: null,
        },
      ],
      rows: { person_keys: [await tenant.product.personalData.createPersonKey(tenant.id, userId)] },
      command: { ...command, result: done },
    });
    return done;
  });
  if (!tenant.users.includes(userId)) tenant.users.push(userId);
  return result;
}

export async function addResource(tenant: Served, command: CommandIdentity): Promise<Done> {
  const resourceId = command.id;
  const result = await once(tenant, command, async () => {
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
    await tenant.product.store.append({
      tenantId: tenant.id,
      actor,
      events: [event],
      command: { ...command, result: done },
    });
    return done;
  });
  if (!tenant.resources.includes(resourceId)) tenant.resources.push(resourceId);
  return result;
}

export async function consent(
  tenant: Served,
  command: CommandIdentity,
  parties: { userId: string; clientId: string; resourceId: string },
  wanted: string[],
): Promise<Done> {
  const { userId, clientId, resourceId } = parties;
  const slot = `${userId} ${resourceId} ${clientId}`;
  const result = await once(tenant, command, async () => {
    const read = await tenant.product.database.asTenantAtOneMoment(tenant.id, async (tx) => {
      const fact = await tx
        .selectFrom('unique_facts')
        .select('holder')
        .where('tenant_id', '=', tenant.id)
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
              .where('tenant_id', '=', tenant.id)
              .where('grant_id', '=', holder)
              .executeTakeFirst();
      const living = standing && standing.ended_seq === null && standing.watermark <= standing.granted_seq;
      return {
        head: await tx
          .selectFrom('heads')
          .select(['epoch', 'seq'])
          .where('tenant_id', '=', tenant.id)
          .executeTakeFirstOrThrow(),
        client: await tx
          .selectFrom('clients')
          .selectAll()
          .where('tenant_id', '=', tenant.id)
          .where('client_id', '=', clientId)
          .executeTakeFirst(),
        holder,
        grant: living
          ? await tx
              .selectFrom('grants')
              .selectAll()
              .where('tenant_id', '=', tenant.id)
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
          approved: false,
          changed: false,
          metadata,
          metadataDigest: 'd',
          subjects: [`client:${clientId}`],
        },
        settings: { clientAdmission: 'open', clientChanges: 'consent' },
        rules: [],
        resource: { resourceId, suspended: false, scopes },
        ...(read.grant && { grant: { grantId: read.grant.grant_id, scopes: read.grant.scopes } }),
      },
      {
        newGrantId: command.id,
        scopes: wanted,
        shown: {
          clientName: 'Model',
          nameVerified: true,
          redirectHost: 'client.example',
          metadataDigest: 'd',
          scopes: wanted,
        },
        address: '192.0.2.7',
      },
    );
    const done = { events: events.length, grantId, read: read.head.seq };
    const current: Array<{ table: string; row: ProjectedRow }> = [];
    if (read.client) current.push({ table: 'clients', row: { ...read.client } });
    if (read.grant) current.push({ table: 'grants', row: { ...read.grant } });
    await tenant.product.store.append({
      tenantId: tenant.id,
      actor,
      read: read.head,
      events,
      current,
      facts: read.grant ? [] : [{ kind: 'grant.slot', value: slot, holder: grantId, expect: read.holder }],
      rows: { authorization_codes: [code(tenant, command.id, grantId, clientId, wanted, events)] },
      command: { ...command, result: done },
    });
    return done;
  });
  if (!tenant.codes.some(({ seed }) => seed === command.id))
    tenant.codes.push({ seed: command.id, grantId: result.grantId, clientId });
  return result;
}

function code(
  tenant: Served,
  seed: string,
  grantId: string,
  clientId: string,
  wanted: string[],
  events: readonly NewEvent[],
): object {
  return {
    tenant_id: tenant.id,
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

export async function setPolicy(
  tenant: Served,
  command: CommandIdentity,
  changes: Partial<PolicySettings>,
): Promise<Done> {
  return once(tenant, command, async () => {
    const { head, row } = await tenant.product.database.asTenantAtOneMoment(tenant.id, async (tx) => ({
      head: await tx
        .selectFrom('heads')
        .select(['epoch', 'seq'])
        .where('tenant_id', '=', tenant.id)
        .executeTakeFirstOrThrow(),
      row: await tx.selectFrom('policies').selectAll().where('tenant_id', '=', tenant.id).executeTakeFirstOrThrow(),
    }));
    const done = { events: 1 };
    await tenant.product.store.append({
      tenantId: tenant.id,
      actor,
      read: head,
      events: [policySet.on(tenant.id, { settings: { ...(row.settings as PolicySettings), ...changes } })],
      current: [{ table: 'policies', row: { ...row } }],
      command: { ...command, result: done },
    });
    return done;
  });
}

export async function revoke(tenant: Served, command: CommandIdentity, target: RevocationTarget): Promise<Done> {
  const { changed } = await tenant.product.revoke.execute(
    new RevokeAccess(tenant.id, { target, because: 'admin', actor, command }),
  );
  // The last family takes its grant along: then there are two.
  return { events: changed ? 'some' : 0 };
}
