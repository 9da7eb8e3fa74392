import {
  clientAccessRevoked,
  clientAdmitted,
  grantRevoked,
  type NewEvent,
  resourceAccessRevoked,
  resourceAdded,
  tenantAccessRevoked,
} from '@grantkeeper/domain';
import type { TenantId } from '@grantkeeper/kernel';
import { hashSecret } from '@grantkeeper/tokens';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { v7 as uuidv7 } from 'uuid';
import {
  CreateClientGrant,
  CreateClientGrantHandler,
} from '../../apps/ledger/src/client-grants/create-client-grant.handler.ts';
import { actor, openLedger, type TestLedger } from '../support/ledger.ts';

interface Issued {
  readonly outcome: string;
  readonly because?: string;
  readonly grantId: string;
  readonly familyId: string;
  readonly epoch: number;
  readonly seq: number;
  readonly sub: string;
  readonly scopes: readonly string[];
}

let ledger: TestLedger;
let tenantId: TenantId;
let clientId: string;
let resourceId: string;
let request: Record<string, unknown>;

beforeAll(async () => {
  ledger = await openLedger();
});
afterAll(async () => ledger.close());

beforeEach(async () => {
  tenantId = await ledger.tenant();
  [clientId, resourceId] = [`gkn_${uuidv7()}`, uuidv7()];
  const secret = hashSecret('secret').toString('hex');
  request = {
    clientId,
    authMethod: 'client_secret_post',
    secretHash: secret,
    resource: null,
    salt: '00'.repeat(32),
    fingerprint: 'f',
  };
  await ledger.store.append({
    tenantId,
    actor,
    events: [
      resourceAdded.on(resourceId, {
        resourceId,
        owner: 'tenant',
        kind: 'hosted',
        slug: 'mcp',
        url: 'https://mcp.example/mcp',
        displayName: 'Boards',
        signingAlg: 'ES256',
        scopes: ['read', 'write'].map((name) => ({ name, description: name, risky: false, default: true })),
        isDefault: true,
      }),
      clientAdmitted.on(clientId, {
        clientId,
        kind: 'registered',
        metadata: { grant_types: ['client_credentials'], token_endpoint_auth_method: 'client_secret_post' },
        metadataDigest: 'd',
        subjects: [`client:${clientId}`],
        by: 'admin',
      }),
    ],
    rows: { client_secrets: [{ tenant_id: tenantId, client_id: clientId, secret_hash: `\\x${secret}` }] },
  });
});

const create = async (scopes = ['read', 'write']): Promise<string> => {
  const handler = new CreateClientGrantHandler(ledger.database, ledger.store);
  return (await handler.execute(new CreateClientGrant(tenantId, { clientId, scopes }, actor))).id;
};
const issue = (changes: object = {}): Promise<Issued> =>
  ledger.database.call<Issued>('issue_client_token', tenantId, { ...request, ...changes });
const standing = ({ grantId, familyId, epoch, seq }: Issued): Promise<string | null> =>
  ledger.database.call('access_standing', tenantId, { grantId, familyId, tokenId: 't', epoch, seq });

async function revoke(
  event: NewEvent,
  table: 'grants' | 'clients' | 'resources' | 'tenants',
  key: object,
): Promise<void> {
  const row = await ledger.database.asTenant(tenantId, (tx) => {
    let rows = tx.selectFrom(table).selectAll().where('tenant_id', '=', tenantId);
    for (const [column, value] of Object.entries(key)) rows = rows.where(column as never, '=', value as never);
    return rows.executeTakeFirstOrThrow();
  });
  await ledger.store.append({ tenantId, actor, events: [event], current: [{ table, row: { ...(row as object) } }] });
}

describe('client credentials', () => {
  it('are worth what an admin has granted the client, in tokens whose subject is the client (CC-01, CC-06, CC-09)', async () => {
    const grantId = await create();
    const issued = await issue();
    expect(issued).toMatchObject({ outcome: 'issued', grantId, sub: clientId, resourceId, scopes: ['read', 'write'] });
    expect(await standing(issued)).toBeNull();
    expect(await issue({ scopes: ['read'] })).toMatchObject({ outcome: 'issued', scopes: ['read'] });
  });

  it('leave one family, whatever their number, that no refresh token is of (CC-06)', async () => {
    const grantId = await create();
    await Promise.all([issue(), issue(), issue()]);
    const families = await ledger.database.asTenant(tenantId, (tx) =>
      tx.selectFrom('families').select(['family_id', 'generation']).execute(),
    );
    expect(families).toEqual([{ family_id: grantId, generation: 0 }]);
    const activity = await ledger.database.asTenant(tenantId, (tx) =>
      tx.selectFrom('activity').select(['what', 'grant_id', 'user_id', 'client_id']).execute(),
    );
    expect(activity).toEqual(
      Array.from({ length: 3 }, () => ({
        what: 'token.issued',
        grant_id: grantId,
        user_id: null,
        client_id: clientId,
      })),
    );
  });

  it.each([
    ['an unknown client', { clientId: 'gkn_nobody' }, 'invalid_client', 'unknown_client'],
    ['a wrong secret', { secretHash: '00' }, 'invalid_client', 'wrong_secret'],
    ['no secret', { authMethod: 'none', secretHash: null }, 'invalid_client', 'secret_required'],
    ['a resource that is not the tenant’s', { resource: 'https://elsewhere.example/mcp' }, 'invalid_target', undefined],
    ['a scope that was not granted', { scopes: ['admin'] }, 'invalid_scope', undefined],
  ])('are refused to %s (CL-08, CL-13)', async (_what, changes, outcome, because) => {
    await create();
    const answer = await issue(changes);
    expect([answer.outcome, answer.because]).toEqual([outcome, because]);
  });

  it('are worth nothing without a grant, and the client keeps its credentials', async () => {
    expect(await issue()).toMatchObject({ outcome: 'unauthorized_client', because: 'no_grant' });
  });

  it.each(['grant', 'client', 'resource', 'tenant'] as const)(
    'lose their tokens with a revocation of the %s, and get none after it; a new grant begins anew',
    async (kind) => {
      const grantId = await create();
      const issued = await issue();
      const because = 'admin' as const;
      await {
        grant: () =>
          revoke(grantRevoked.on(grantId, { grantId, clientId, resourceId, because }), 'grants', { grant_id: grantId }),
        client: () =>
          revoke(clientAccessRevoked.on(clientId, { clientId, because }), 'clients', { client_id: clientId }),
        resource: () =>
          revoke(resourceAccessRevoked.on(resourceId, { resourceId, because }), 'resources', {
            resource_id: resourceId,
          }),
        tenant: () => revoke(tenantAccessRevoked.on(tenantId, { because }), 'tenants', {}),
      }[kind]();
      expect(await standing(issued)).toBe('revoked');
      expect(await issue()).toMatchObject({ outcome: 'invalid_grant', because: 'revoked' });
      const again = await create(['read']);
      expect(again).not.toBe(grantId);
      expect(await issue()).toMatchObject({ outcome: 'issued', grantId: again, scopes: ['read'] });
      expect(await standing(issued)).toBe('revoked');
    },
  );

  it('have one grant for each resource, however many admins create it at once', async () => {
    const created = await Promise.allSettled([create(), create(), create()]);
    expect(created.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const each of created)
      if (each.status === 'rejected') expect(each.reason).toMatchObject({ code: 'grant.exists' });
  });

  it('can never have a person’s subject (CC-09, RFC 9068 §5)', async () => {
    const uuid = uuidv7();
    const admit = ledger.store.append({
      tenantId,
      actor,
      events: [
        clientAdmitted.on(uuid, {
          clientId: uuid,
          kind: 'registered',
          metadata: {},
          metadataDigest: 'd',
          subjects: [],
          by: 'admin',
        }),
      ],
    });
    await expect(admit).rejects.toMatchObject({ code: '23514' });
  });
});
