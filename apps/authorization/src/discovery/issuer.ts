import { Injectable, NotFoundException } from '@nestjs/common';
import type { PolicySettings } from '@grantkeeper/domain';
import { Database, TenantDirectory } from '@grantkeeper/event-store';
import { ExpiringCache, type TenantId } from '@grantkeeper/kernel';

/** What anyone may know of a tenant's issuer. */
export interface IssuerFacts {
  readonly displayName: string;
  readonly issuer: string;
  readonly settings: PolicySettings;
  readonly scopes: readonly string[];
  readonly resources: readonly string[];
  readonly keys: ReadonlyArray<Record<string, string>>;
}

/** Finds the issuer that a URL path names. */
@Injectable()
export class Issuers {
  readonly #urls = new ExpiringCache<string>({ ttlMs: 3_600_000, max: 10_000 });
  readonly #names = new ExpiringCache<string>({ ttlMs: 60_000, max: 10_000 });

  constructor(
    private readonly directory: TenantDirectory,
    private readonly database: Database,
  ) {}

  /** The tenant's issuer, wherever its host is: for ever the same (AS-55), so it is read once in a while. */
  async urlOf(tenantId: TenantId): Promise<string> {
    return this.#urls.get(tenantId, async () => (await this.factsOf(tenantId)).issuer);
  }

  /** The tenant of the slug; an unknown one is the same 404 as anything unknown (MT-09). */
  async tenantOf(slug: string): Promise<TenantId> {
    const tenantId = await this.directory.find(slug);
    if (!tenantId) throw new NotFoundException();
    return tenantId;
  }

  /** What the tenant is called, as it was within the last minute; undefined for an unknown one. */
  async nameOf(slug: string): Promise<string | undefined> {
    const tenantId = await this.directory.find(slug);
    return tenantId && this.#names.get(tenantId, async () => (await this.factsOf(tenantId)).displayName);
  }

  async factsOf(tenantId: TenantId): Promise<IssuerFacts> {
    return this.database.call<IssuerFacts>('public_context', tenantId, {});
  }
}
