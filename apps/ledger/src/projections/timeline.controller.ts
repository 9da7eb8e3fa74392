import { Controller, Get, Param, Query, UseFilters, UseGuards } from '@nestjs/common';
import { Database } from '@grantkeeper/event-store';
import { ProblemFilter, readInput } from '@grantkeeper/http';
import { DomainError, type TenantId } from '@grantkeeper/kernel';
import { grantTimeline, liveGeneration, timelineOf, timelinePage } from '@grantkeeper/read-models';
import { z } from 'zod';
import { AdminGuard, AdmittedTenant } from '../access/admin.guard.ts';

const filter = z.strictObject({
  grant: z.uuid().optional(),
  user: z.uuid().optional(),
  client: z.string().max(2048).optional(),
  before: z.coerce.number().int().min(1).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});

/**
 * What happened to the links of a tenant, in words, the newest first; with `grant`, the story of that one, the oldest
 * first. A moment behind the ledger: `asOf` says how far it has come.
 */
@Controller('admin/v1/tenants/:tenant/timeline')
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class TimelineController {
  constructor(private readonly database: Database) {}

  @Get()
  async list(@AdmittedTenant() tenantId: TenantId, @Param('tenant') _name: string, @Query() query: unknown) {
    const wanted = readInput(filter, query);
    return this.database.asTenantAtOneMoment(tenantId, async (tx) => {
      const { generation, asOf } = await liveGeneration(tx, tenantId, grantTimeline.name);
      if (wanted.grant === undefined) {
        const timeline = generation === null ? [] : await timelinePage(tx, tenantId, generation, wanted);
        return { timeline, next: timeline.length === wanted.limit ? (timeline.at(-1)?.seq ?? null) : null, asOf };
      }
      const grant = await tx
        .selectFrom('grants')
        .select(['user_id', 'client_id', 'resource_id', 'granted_seq'])
        .where('tenant_id', '=', tenantId)
        .where('grant_id', '=', wanted.grant)
        .executeTakeFirst();
      if (!grant) throw new DomainError('grant.not_found', 'There is no such grant.', 'not_found');
      const parties = {
        grantId: wanted.grant,
        userId: grant.user_id,
        clientId: grant.client_id,
        resourceId: grant.resource_id,
        grantedSeq: grant.granted_seq,
      };
      return {
        timeline: generation === null ? [] : await timelineOf(tx, tenantId, generation, parties),
        next: null,
        asOf,
      };
    });
  }
}
