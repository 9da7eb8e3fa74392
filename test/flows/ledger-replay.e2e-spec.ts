import { Database, replay } from '@grantkeeper/event-store';
import { SYSTEM_TENANT, tenantId } from '@grantkeeper/kernel';
import { inlineProjections } from '@grantkeeper/read-models';
import { sql } from 'kysely';
import { grantsOf } from '../support/clients/admin.ts';
import { OAuthClient } from '../support/clients/oauth-client.ts';
import { Person } from '../support/clients/person.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';

describe('replaying the ledger', () => {
  let product: RunningProduct;
  let database: Database;
  let acme: string;

  beforeAll(async () => {
    product = await startProduct();
    database = new Database({ url: product.databaseUrl, max: 2 });
    acme = (await product.admin<{ id: string }>('GET', '/tenants/acme')).body.id;
  }, 60_000);

  afterAll(async () => {
    await database?.close();
    await product?.stop();
  });

  /** Something of everything that writes events, part of it at the same time. */
  async function work(): Promise<void> {
    const { issuer, user } = product.summary.demo;
    await product.admin('POST', '/tenants', { slug: 'globex', displayName: 'Globex' });
    await product.admin('POST', '/tenants/acme/admin-keys', { name: 'IT' });
    await product.admin('PATCH', '/tenants/acme/policy', { accessTokenSeconds: 300 });
    const people = await Promise.all(
      [1, 2, 3].map(async (n) => {
        const person = new Person(`person-${n}@acme.example`, 'a long enough password');
        const { body } = await product.admin<{ id: string }>('POST', '/tenants/acme/users', {
          email: person.email,
          name: `P ${n}`,
          password: person.password,
        });
        return { person, id: body.id };
      }),
    );
    const clients = await Promise.all([1, 2, 3].map(() => OAuthClient.register(issuer)));
    await Promise.all(
      people.map(async ({ person }) => {
        // One after the other: a person has one browser.
        for (const client of clients) await client.link(person, { scope: 'boards:read' });
      }),
    );
    const ada = new Person(user.email, user.password);
    const [first, second, third] = clients as [OAuthClient, OAuthClient, OAuthClient];
    const tokens = await first.link(ada);
    await first.link(people[0]!.person); // widens
    await second.link(people[0]!.person, { prompt: 'consent', scope: 'boards:read' }); // renews
    await first.link(ada.elsewhere());
    const next = await first.refresh(tokens.refresh_token);
    await first.revoke(next.body.access_token);
    const last = await first.refresh(next.body.refresh_token);
    await first.refresh(tokens.refresh_token); // reuse
    expect((await first.refresh(last.body.refresh_token)).body.error).toBe('invalid_grant');
    const authorization = await third.authorize(ada);
    await third.redeem(authorization);
    expect((await third.redeem(authorization)).body.error).toBe('invalid_grant');
    const revoke = (target: object): Promise<{ status: number }> =>
      product.admin('POST', '/tenants/acme/revocations', { target, reason: 'Because' });
    const [grant] = await grantsOf(product, '?status=active');
    const answers = await Promise.all([
      revoke({ kind: 'grant', grantId: grant!.id }),
      revoke({ kind: 'user', userId: people[1]!.id }),
      revoke({ kind: 'client', clientId: second.id }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    await first.link(people[1]!.person);
    await suspendAndRevokeMore(people[2]!.id, third.id);
  }

  /** Every kind of suspension and of wider revocation, the widest last. */
  async function suspendAndRevokeMore(userId: string, clientId: string): Promise<void> {
    const { body: tenant } = await product.admin<{ resources: { id: string }[] }>('GET', '/tenants/acme');
    const { body: keys } = await product.admin<{ signingKeys: { kid: string }[] }>('GET', '/tenants/acme/signing-keys');
    const resourceId = tenant.resources[0]!.id;
    const act = async (path: string, target: object, more: object = {}): Promise<void> => {
      const answer = await product.admin<{ changed: boolean }>('POST', `/tenants/acme/${path}`, {
        target,
        reason: 'Because',
        ...more,
      });
      expect([path, target, answer.status, answer.body.changed]).toEqual([path, target, 200, true]);
    };
    const [grant] = await grantsOf(product, '?status=active');
    const suspended = [
      { kind: 'grant', grantId: grant!.id },
      { kind: 'user', userId },
      { kind: 'client', clientId },
      { kind: 'resource', resourceId },
      { kind: 'tenant' },
    ];
    // Twice, so that a row of one that was resumed is written again.
    for (const target of [...suspended, ...suspended]) {
      await act('suspensions', target);
      await act('resumptions', target);
    }
    const pairs = [
      { userId, clientId },
      { userId, resourceId },
      { clientId, resourceId },
    ];
    for (const pair of [...pairs, { userId, clientId, resourceId }, ...pairs])
      await act('revocations', { kind: 'pair', ...pair });
    await act('revocations', { kind: 'client', clientId }, { block: true });
    await act('revocations', { kind: 'user', userId }, { block: true });
    for (const { kid } of keys.signingKeys) await act('revocations', { kind: 'signing_key', kid });
    await act('revocations', { kind: 'resource', resourceId });
    await act('revocations', { kind: 'tenant' });
  }

  it('gives exactly the live rows after a mixed workload, and finds no gap', async () => {
    await work();
    for (const id of [acme, SYSTEM_TENANT]) {
      const result = await replay(database, inlineProjections, tenantId(id));
      expect(result).toMatchObject({ gaps: [], differences: [] });
      expect(result.events).toBe(result.head);
    }
    const { events } = await replay(database, inlineProjections, tenantId(acme));
    expect(events).toBeGreaterThan(30);
  });

  it('has met every kind of event that the product writes', async () => {
    const types = await database.asTenant(tenantId(acme), async (tx) =>
      (await tx.selectFrom('events').select('type').distinct().where('tenant_id', '=', tenantId(acme)).execute()).map(
        ({ type }) => type,
      ),
    );
    expect(types).toEqual(
      expect.arrayContaining([
        'TenantOnboarded',
        'IssuerEstablished',
        'ResourceAdded',
        'PolicySet',
        'SigningKeyCreated',
        'AdminKeyCreated',
        'UserCreated',
        'IdentityLinked',
        'ClientAdmitted',
        'GrantCreated',
        'GrantWidened',
        'GrantRenewed',
        'FamilyRevoked',
        'TokenRevoked',
        'GrantRevoked',
        'UserAccessRevoked',
        'ClientAccessRevoked',
        'ResourceAccessRevoked',
        'TenantAccessRevoked',
        'PairAccessRevoked',
        'SigningKeyRevoked',
        'ClientRuleSet',
        ...['Grant', 'User', 'Client', 'Resource', 'Tenant'].flatMap((what) => [`${what}Suspended`, `${what}Resumed`]),
      ]),
    );
  });

  it('would notice a row that was changed behind the ledger’s back', async () => {
    const [grant] = await grantsOf(product);
    await database.asTenant(tenantId(acme), (tx) =>
      sql`UPDATE grants SET scopes = array_append(scopes, 'root') WHERE tenant_id = ${acme} AND grant_id = ${grant!.id}`.execute(
        tx,
      ),
    );
    const { differences } = await replay(database, inlineProjections, tenantId(acme));
    expect(differences.map(({ table, only }) => `${only} ${table}`).sort()).toEqual(['fold grants', 'live grants']);
  });
});
