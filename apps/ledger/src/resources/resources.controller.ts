import {
  Body,
  Controller,
  Get,
  Headers,
  HttpCode,
  Param,
  Patch,
  Post,
  Query,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import { whenUnreachable } from '@grantkeeper/domain';
import { Database } from '@grantkeeper/event-store';
import { ProblemFilter, readInput } from '@grantkeeper/http';
import { DomainError, isUuid, type TenantId } from '@grantkeeper/kernel';
import { canonicalResource } from '@grantkeeper/oauth';
import { z } from 'zod';
import type { AdminCaller } from '../access/admin-keys.ts';
import { AdminGuard, AdmittedTenant, Caller } from '../access/admin.guard.ts';
import { IdempotencyKeys } from '../access/idempotency-key.ts';
import { ownScope, page } from '../tenants/tenants.controller.ts';
import { Resources } from './resources.ts';

/** As clients will name it: https, or http on this machine for development. */
const resourceUrl = z
  .string()
  .max(1_000)
  .refine(isServerUrl, 'must be an https URL without user name, query and fragment (http only to this machine)')
  .transform((url) => canonicalResource(url));
const newResource = z.strictObject({
  url: resourceUrl,
  displayName: z.string().trim().min(1).max(120),
  scopes: z.array(ownScope).min(1).max(50),
  /** What most JWT libraries take when nobody tells them. */
  signingAlg: z.enum(['ES256', 'RS256']).default('RS256'),
  whenUnreachable: whenUnreachable.default('refuse'),
});
const change = z.strictObject({ whenUnreachable });

/** Protected MCP servers of a tenant: those that we host, and its own. */
@Controller('admin/v1/tenants/:tenant/resources')
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class ResourcesController {
  constructor(
    private readonly resources: Resources,
    private readonly database: Database,
    private readonly idempotency: IdempotencyKeys,
  ) {}

  @Post()
  @HttpCode(201)
  async add(
    @AdmittedTenant() tenantId: TenantId,
    @Caller() caller: AdminCaller,
    @Param('tenant') _name: string,
    @Body() body: unknown,
    @Headers('idempotency-key') key?: string,
  ) {
    const input = readInput(newResource, body);
    const { actor, origin } = caller;
    const command = await this.idempotency.ofTenant(tenantId, key, caller, 'resource', input);
    const id = await this.resources.add(tenantId, input, { actor, origin, command });
    // As it was added, also when the request is repeated after a change.
    return { id, ...input, kind: 'external', isDefault: false };
  }

  @Get()
  async list(@AdmittedTenant() tenantId: TenantId, @Param('tenant') _name: string, @Query() query: unknown) {
    const { limit, after } = readInput(page, query);
    const rows = await this.database.asTenant(tenantId, (tx) =>
      tx
        .selectFrom('resources')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .$if(after !== undefined && isUuid(after), (all) => all.where('resource_id', '>', after!))
        .orderBy('resource_id')
        .limit(limit)
        .execute(),
    );
    return { resources: rows.map(describe), next: rows.length === limit ? rows.at(-1)!.resource_id : null };
  }

  @Patch(':resource')
  async change(
    @AdmittedTenant() tenantId: TenantId,
    @Caller() { actor, origin }: AdminCaller,
    @Param('tenant') _name: string,
    @Param('resource') resource: string,
    @Body() body: unknown,
  ) {
    const input = readInput(change, body);
    if (!isUuid(resource)) throw new DomainError('resource.not_found', 'There is no such resource.', 'not_found');
    await this.resources.setFailurePolicy(tenantId, resource, input.whenUnreachable, { actor, origin });
    return this.#find(tenantId, resource);
  }

  async #find(tenantId: TenantId, resourceId: string) {
    const row = await this.database.asTenant(tenantId, (tx) =>
      tx
        .selectFrom('resources')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .where('resource_id', '=', resourceId)
        .executeTakeFirstOrThrow(),
    );
    return describe(row);
  }
}

function describe(row: {
  readonly resource_id: string;
  readonly url: string;
  readonly display_name: string;
  readonly kind: string;
  readonly scopes: unknown;
  readonly signing_alg: string;
  readonly is_default: boolean;
  readonly when_unreachable: string;
}) {
  return {
    id: row.resource_id,
    url: row.url,
    displayName: row.display_name,
    kind: row.kind,
    scopes: row.scopes,
    signingAlg: row.signing_alg,
    isDefault: row.is_default,
    whenUnreachable: row.when_unreachable,
  };
}

function isServerUrl(text: string): boolean {
  const url = URL.parse(text);
  if (!url || url.username !== '' || url.password !== '' || url.search !== '' || text.includes('#')) return false;
  const here = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && here)) return false;
  try {
    canonicalResource(text);
    return true;
  } catch {
    return false;
  }
}
