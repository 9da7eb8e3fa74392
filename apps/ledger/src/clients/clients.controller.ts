import { Controller, Get, Param, Query, Res, UseFilters, UseGuards } from '@nestjs/common';
import { ProblemFilter, readInput } from '@grantkeeper/http';
import type { TenantId } from '@grantkeeper/kernel';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { AdminGuard, AdmittedTenant } from '../access/admin.guard.ts';
import { asOf, momentOf, sayInstant } from '../history/as-of.ts';
import { ClientHistory } from '../history/client-history.ts';
import { ClientQueries } from './clients.queries.ts';

const page = z.strictObject({
  after: z.string().max(2048).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
  as_of: asOf,
});

/** The clients that a tenant knows: now and with statistics, or as they were. */
@Controller('admin/v1/tenants/:tenant/clients')
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class ClientsController {
  constructor(
    private readonly queries: ClientQueries,
    private readonly history: ClientHistory,
  ) {}

  @Get()
  async list(
    @AdmittedTenant() tenantId: TenantId,
    @Param('tenant') _name: string,
    @Query() query: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { as_of: words, ...wanted } = readInput(page, query);
    const moment = momentOf(words);
    const nextOf = (clients: readonly { id: string }[]): string | null =>
      clients.length === wanted.limit ? (clients.at(-1)?.id ?? null) : null;
    if (!moment) {
      const listed = await this.queries.list(tenantId, wanted);
      return { ...listed, next: nextOf(listed.clients) };
    }
    const { clients, instant } = await this.history.listAsOf(tenantId, moment, wanted);
    sayInstant(reply, instant);
    return { clients, next: nextOf(clients) };
  }
}
