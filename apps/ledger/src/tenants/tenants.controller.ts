import { Body, Controller, Get, Headers, HttpCode, Param, Post, Query, UseFilters, UseGuards } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { resourceScope } from '@grantkeeper/domain';
import { Database } from '@grantkeeper/event-store';
import { ProblemFilter, readInput } from '@grantkeeper/http';
import type { TenantId } from '@grantkeeper/kernel';
import { ISSUER_SCOPES, isIssuerScope } from '@grantkeeper/oauth';
import { z } from 'zod';
import { type AdminCaller } from '../access/admin-keys.ts';
import { AdminGuard, AdmittedTenant, Caller } from '../access/admin.guard.ts';
import { IdempotencyKeys } from '../access/idempotency-key.ts';
import { connectionHelp } from './connection-help.ts';
import { type OnboardedTenant, OnboardTenant } from './onboard-tenant.handler.ts';

/** A scope that is not one of the issuer's own; neither risky nor asked for by default unless that is said. */
export const ownScope = resourceScope
  .extend({ risky: z.boolean().default(false), default: z.boolean().default(false) })
  .refine(
    ({ name }) => !isIssuerScope(name),
    `${ISSUER_SCOPES.join(', ')} are scopes of the authorization server itself`,
  );

const host = z
  .string()
  .max(253)
  .regex(
    /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/,
    'must be a host name in lower case, without port; it is part of the issuer or resource for ever',
  );
const newTenant = z.strictObject({
  slug: z
    .string()
    .regex(
      /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/,
      'must be 1 to 63 lower-case letters, digits and inner hyphens; it is part of the issuer for ever',
    ),
  displayName: z.string().trim().min(1).max(120),
  hosts: z.strictObject({ issuer: host.optional(), resource: host.optional() }).optional(),
  resource: z
    .strictObject({
      displayName: z.string().trim().min(1).max(120).optional(),
      scopes: z.array(ownScope).min(1).max(50).optional(),
    })
    .optional(),
});

/** Tenants: onboarding by one call, and what there is. */
@Controller('admin/v1/tenants')
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class TenantsController {
  constructor(
    private readonly commands: CommandBus,
    private readonly database: Database,
    private readonly idempotencyKeys: IdempotencyKeys,
  ) {}

  @Post()
  @HttpCode(201)
  async onboard(
    @Caller() caller: AdminCaller,
    @Body() body: unknown,
    @Headers('idempotency-key') key: string | undefined,
  ) {
    const input = readInput(newTenant, body);
    const onboarded = await this.commands.execute(
      new OnboardTenant({
        ...input,
        actor: caller.actor,
        origin: caller.origin,
        command: this.idempotencyKeys.ofOperator(key, caller, 'onboard-tenant', input),
      }),
    );
    return withHelp(onboarded);
  }

  @Get()
  async list(@Query() query: unknown) {
    const { limit, after } = readInput(page, query);
    const rows = await this.database.relay<{ slug: string; tenant_id: string }>(
      'SELECT slug, tenant_id FROM tenant_directory WHERE slug > $1 ORDER BY slug LIMIT $2',
      [after ?? '', limit],
    );
    const tenants = rows.map(({ slug, tenant_id: id }) => ({ id, slug }));
    return { tenants, next: rows.length === limit ? rows.at(-1)!.slug : null };
  }

  @Get(':tenant')
  async get(@AdmittedTenant() tenantId: TenantId, @Param('tenant') _name: string) {
    return this.database.asTenantAtOneMoment(tenantId, async (tx) => {
      const tenant = await tx
        .selectFrom('tenants')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .executeTakeFirstOrThrow();
      const head = await tx
        .selectFrom('heads')
        .select(['epoch', 'seq'])
        .where('tenant_id', '=', tenantId)
        .executeTakeFirstOrThrow();
      const issuer = await tx
        .selectFrom('issuers')
        .select('url')
        .where('tenant_id', '=', tenantId)
        .orderBy('created_seq')
        .executeTakeFirstOrThrow();
      const resources = await tx
        .selectFrom('resources')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .orderBy('created_seq')
        .execute();
      const policy = await tx
        .selectFrom('policies')
        .select('settings')
        .where('tenant_id', '=', tenantId)
        .executeTakeFirstOrThrow();
      const onboarded = {
        id: tenantId,
        slug: tenant.slug,
        displayName: tenant.display_name,
        issuer: issuer.url,
        resource: resources.find((resource) => resource.is_default)!.url,
      };
      return {
        ...withHelp(onboarded),
        createdAt: tenant.created_at,
        suspended: tenant.suspended,
        ledger: head,
        policy: policy.settings as unknown,
        resources: resources.map((resource) => ({
          id: resource.resource_id,
          url: resource.url,
          displayName: resource.display_name,
          kind: resource.kind,
          scopes: resource.scopes as unknown,
          isDefault: resource.is_default,
        })),
      };
    });
  }
}

export const page = z.object({
  limit: z.coerce.number().int().min(1).max(500).default(100),
  after: z.string().max(500).optional(),
});

function withHelp(tenant: OnboardedTenant) {
  return { ...tenant, connect: connectionHelp(tenant.resource) };
}
