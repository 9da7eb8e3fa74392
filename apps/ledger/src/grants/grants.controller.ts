import { Controller, Get, Param, Query, UseFilters, UseGuards } from '@nestjs/common';
import { ProblemFilter, readInput } from '@grantkeeper/http';
import { DomainError, type TenantId } from '@grantkeeper/kernel';
import { z } from 'zod';
import { AdminGuard, AdmittedTenant } from '../access/admin.guard.ts';
import { GrantQueries } from './grants.queries.ts';

const filter = z.strictObject({
  user: z.uuid().optional(),
  client: z.string().max(2048).optional(),
  resource: z.uuid().optional(),
  status: z.enum(['active', 'suspended', 'revoked']).optional(),
  before: z.coerce.number().int().min(1).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});

/** The links between AI clients and the tenant's people, the newest first. */
@Controller('admin/v1/tenants/:tenant/grants')
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class GrantsController {
  constructor(private readonly queries: GrantQueries) {}

  @Get()
  async list(@AdmittedTenant() tenantId: TenantId, @Param('tenant') _name: string, @Query() query: unknown) {
    const wanted = readInput(filter, query);
    const grants = await this.queries.list(tenantId, wanted);
    return { grants, next: grants.length === wanted.limit ? grants.at(-1)!.grantedSeq : null };
  }

  @Get(':grant')
  async get(@AdmittedTenant() tenantId: TenantId, @Param('grant') grantId: string) {
    const grant = z.uuid().safeParse(grantId).success ? await this.queries.get(tenantId, grantId) : undefined;
    if (!grant) throw new DomainError('grant.not_found', 'There is no such grant.', 'not_found');
    return grant;
  }
}
