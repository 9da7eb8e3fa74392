import { clientAdmitted, grantCreated, grantWidened, resourceAdded, type RevocationTarget } from '@grantkeeper/domain';
import { retrying } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import { RevokeAccess, RevokeAccessHandler } from '../../libs/revocation/src/revoke-access.handler.ts';
import { v7 as uuidv7 } from 'uuid';
import { actor, type TestLedger } from './ledger.ts';

export interface Link {
  readonly grantId: string;
  readonly userId: string;
  readonly clientId: string;
  readonly resourceId: string;
}

/** Links people with clients at resources of one tenant, by the events that the product writes. */
export class Linking {
  readonly #revoke: RevokeAccessHandler;

  constructor(
    private readonly ledger: TestLedger,
    readonly tenant: TenantId,
  ) {
    this.#revoke = new RevokeAccessHandler(ledger.database, ledger.store);
  }

  async person(): Promise<string> {
    const { userId, events, rows } = await this.ledger.person(this.tenant);
    await this.ledger.store.append({ tenantId: this.tenant, actor, events, rows });
    return userId;
  }

  async client(clientId: string, name: string): Promise<string> {
    await this.ledger.store.append({
      tenantId: this.tenant,
      actor,
      events: [
        clientAdmitted.on(clientId, {
          clientId,
          kind: 'cimd',
          metadata: { client_name: name },
          metadataDigest: 'd',
          subjects: [`client:${clientId}`],
          by: 'consent',
        }),
      ],
    });
    return clientId;
  }

  async resource(name = 'Boards', scopes = ['boards:read', 'boards:write']): Promise<string> {
    const resourceId = uuidv7();
    await this.ledger.store.append({
      tenantId: this.tenant,
      actor,
      events: [
        resourceAdded.on(resourceId, {
          resourceId,
          owner: 'tenant',
          kind: 'hosted',
          slug: 'mcp',
          url: `https://mcp.example.com/t/${resourceId}/mcp`,
          displayName: name,
          signingAlg: 'ES256',
          scopes: scopes.map((scope) => ({ name: scope, description: `May ${scope}`, risky: false, default: true })),
          isDefault: true,
        }),
      ],
    });
    return resourceId;
  }

  async link(userId: string, clientId: string, resourceId: string, scopes = ['boards:read']): Promise<Link> {
    const link = { grantId: uuidv7(), userId, clientId, resourceId };
    const shown = { clientName: 'Claude', nameVerified: true, redirectHost: 'claude.ai', metadataDigest: 'd', scopes };
    await retrying(() =>
      this.ledger.store.append({
        tenantId: this.tenant,
        actor: { kind: 'user', id: userId },
        events: [grantCreated.on(link.grantId, { ...link, scopes, shown })],
      }),
    );
    return link;
  }

  async widen({ grantId, userId }: Link, added: string): Promise<void> {
    await retrying(async () => {
      const row = await this.ledger.database.asTenant(this.tenant, (tx) =>
        tx
          .selectFrom('grants')
          .selectAll()
          .where('tenant_id', '=', this.tenant)
          .where('grant_id', '=', grantId)
          .executeTakeFirstOrThrow(),
      );
      const scopes = [...row.scopes, added];
      const shown = {
        clientName: 'Claude',
        nameVerified: true,
        redirectHost: 'claude.ai',
        metadataDigest: 'd',
        scopes,
      };
      await this.ledger.store.append({
        tenantId: this.tenant,
        actor: { kind: 'user', id: userId },
        events: [grantWidened.on(grantId, { scopes, added: [added], shown })],
        current: [{ table: 'grants', row: { ...row } }],
      });
    });
  }

  async revoke(target: RevocationTarget): Promise<void> {
    // Among many writers the handler gives up in the end, as a caller would be told to come again.
    await retrying(
      () =>
        this.#revoke.execute(
          new RevokeAccess(this.tenant, { target, because: 'admin', actor: { kind: 'admin', id: 'test' } }),
        ),
      20,
    );
  }
}
