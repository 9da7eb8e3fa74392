import { Controller, Get, Param, Query, Res, UseFilters, UseGuards } from '@nestjs/common';
import { ProblemFilter, readInput } from '@grantkeeper/http';
import { DomainError, type TenantId } from '@grantkeeper/kernel';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { AdminGuard, AdmittedTenant } from '../access/admin.guard.ts';
import { asOf, momentOf, sayInstant } from '../history/as-of.ts';
import { type GrantFilter, GrantQueries } from './grants.queries.ts';

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
  async list(
    @AdmittedTenant() tenantId: TenantId,
    @Param('tenant') _name: string,
    @Query() query: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { as_of: words, ...wanted } = readInput(filter, query);
    return this.#page(tenantId, wanted, words, reply);
  }

  @Get(':grant')
  async get(
    @AdmittedTenant() tenantId: TenantId,
    @Param('grant') grantId: string,
    @Query() query: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { as_of: words } = readInput(when, query);
    const known = z.uuid().safeParse(grantId).success;
    const [grant] = known ? (await this.#page(tenantId, { grant: grantId, limit: 1 }, words, reply)).grants : [];
    if (!grant) throw new DomainError('grant.not_found', 'There is no such grant.', 'not_found');
    // Installations are not in the record: of the past they are not known.
    return words === undefined ? { ...grant, families: await this.queries.families(tenantId, grantId) } : grant;
  }

  async #page(tenantId: TenantId, wanted: GrantFilter, words: string | undefined, reply: FastifyReply) {
    const moment = momentOf(words);
    if (!moment) return this.queries.list(tenantId, wanted);
    const { instant, ...page } = await this.queries.listAsOf(tenantId, wanted, moment);
    sayInstant(reply, instant);
    return page;
  }
}
