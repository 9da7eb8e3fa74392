import { Database, TenantDirectory } from '@grantkeeper/event-store';
import { ExpiringCache, type TenantId } from '@grantkeeper/kernel';
import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';

export interface ResourceScope {
  readonly name: string;
  readonly description: string;
  readonly risky: boolean;
  /** Among those that a client without a token is told to ask for. */
  readonly default: boolean;
}

/** A protected MCP server that we host. */
export interface HostedResource {
  readonly tenant: TenantId;
  readonly id: string;
  readonly slug: string;
  readonly isDefault: boolean;
  /** Its identifier as stored: the audience of its tokens, whatever host a request came to (MT-07). */
  readonly url: string;
  readonly issuer: string;
  readonly displayName: string;
  readonly scopes: readonly ResourceScope[];
  /** DPoP proofs must contain a nonce of ours. */
  readonly dpopNonce: boolean;
}

/** The hosted resources of every tenant. Scopes, names and policy may lag by 5 seconds; identifiers never change. */
@Injectable()
export class HostedResources {
  readonly #cache = new ExpiringCache<readonly HostedResource[]>({ ttlMs: 5_000, max: 10_000 });

  constructor(
    private readonly database: Database,
    private readonly directory: TenantDirectory,
  ) {}

  /** The tenant's default resource, or the one with `resourceSlug`; undefined for whatever is not hosted here. */
  async find(tenantSlug: string, resourceSlug?: string): Promise<HostedResource | undefined> {
    const tenant = await this.directory.find(tenantSlug);
    if (tenant === undefined) return undefined;
    const hosted = await this.#cache.get(tenant, () => this.#load(tenant));
    // The default resource has one address only, the one without its slug: two would be two audiences.
    return hosted.find((one) =>
      resourceSlug === undefined ? one.isDefault : !one.isDefault && one.slug === resourceSlug,
    );
  }

  #load(tenant: TenantId): Promise<readonly HostedResource[]> {
    return this.database.asTenant(tenant, async (tx) => {
      const { rows } = await sql<HostedResource>`
        SELECT r.tenant_id AS tenant, r.resource_id AS id, r.slug, r.is_default AS "isDefault", r.url,
          r.display_name AS "displayName", i.url AS issuer,
          coalesce(p.settings->>'dpopNonce' = 'required', false) AS "dpopNonce",
          -- What no client may be given here is not shown to any.
          (SELECT coalesce(jsonb_agg(scope), '[]') FROM jsonb_array_elements(r.scopes) scope
            WHERE p.settings->'scopeCeiling' IS NULL OR p.settings->'scopeCeiling' ? (scope->>'name')) AS scopes
        FROM resources r
        JOIN policies p ON p.tenant_id = r.tenant_id
        CROSS JOIN (SELECT url FROM issuers WHERE tenant_id = ${tenant} AND owner = 'tenant' ORDER BY created_seq LIMIT 1) i
        WHERE r.tenant_id = ${tenant} AND r.kind = 'hosted' AND r.owner = 'tenant'`.execute(tx);
      return rows;
    });
  }
}
