import { Controller, Get, Param, Query, Res, UseFilters, UseGuards } from '@nestjs/common';
import { ProblemFilter, readInput } from '@grantkeeper/http';
import { DomainError, type TenantId } from '@grantkeeper/kernel';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { AdminGuard, AdmittedTenant } from '../access/admin.guard.ts';
import { asOf, momentOf, sayInstant } from '../history/as-of.ts';
import { GrantQueries } from './grants.queries.ts';

const filter = z.strictObject({
  user: z.uuid().optional(),
  client: z.string().max(2048).optional(),
  resource: z.uuid().optional(),
  status: z.enum(['active', 'suspended', 'revoked']).optional(),
  before: z.coerce.number().int().min(1).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
  as_of: asOf,
});
const when = z.strictObject({ as_of: asOf });

/** The links between AI clients and the tenant's people, the newest first; now, or as they were. */
@Controller('admin/v1/tenants/:tenant/grants')
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class GrantsController {
  constructor(private readonly queries: GrantQueries) {}

  @Get()
  async list(@AdmittedTenant() tenantId: TenantId, @Param('tenant') _name: string, @Query() query: unknown, @Res({ passthrough: true }) reply: FastifyReply) {
    const { as_of: words, ...wanted } = readInput(filter, query);
    const grants = await this.#grants(tenantId, wanted, words, reply);
    return { grants, next: grants.length === wanted.limit ? (grants.at(-1)?.grantedSeq ?? null) : null };
  }

  @Get(':grant')
  async get(@AdmittedTenant() tenantId: TenantId, @Param('grant') grantId: string, @Query() query: unknown, @Res({ passthrough: true }) reply: FastifyReply) {
    const { as_of: words } = readInput(when, query);
    const known = z.uuid().safeParse(grantId).success;
    const [grant] = known ? await this.#grants(tenantId, { grant: grantId, limit: 1 }, words, reply) : [];
    if (!grant) throw new DomainError('grant.not_found', 'There is no such grant.', 'not_found');
    return grant;
  }

  async #grants(tenantId: TenantId, wanted: Parameters<GrantQueries['list']>[1], words: string | undefined, reply: FastifyReply) {
    const moment = momentOf(words);
    if (!moment) return this.queries.list(tenantId, wanted);
    const { grants, instant } = await this.queries.listAsOf(tenantId, wanted, moment);
    sayInstant(reply, instant);
    return grants;
  }
}
