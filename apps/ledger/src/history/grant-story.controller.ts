import { Controller, Get, Param, Query, UseFilters, UseGuards } from '@nestjs/common';
import { ProblemFilter, readInput } from '@grantkeeper/http';
import { DomainError, isUuid, type TenantId } from '@grantkeeper/kernel';
import { z } from 'zod';
import { AdminGuard, AdmittedTenant } from '../access/admin.guard.ts';
import { GrantStories } from './grant-story.queries.ts';

const page = z.strictObject({
  /** The last `seq` that the caller has. */
  after: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});

/** What happened to a link, in words and events. */
@Controller('admin/v1/tenants/:tenant/grants/:grant/history')
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class GrantStoryController {
  constructor(private readonly stories: GrantStories) {}

  @Get()
  async tell(@AdmittedTenant() tenantId: TenantId, @Param('grant') grantId: string, @Query() query: unknown) {
    const wanted = readInput(page, query);
    if (!isUuid(grantId)) throw new DomainError('grant.not_found', 'There is no such grant.', 'not_found');
    const history = await this.stories.tell(tenantId, grantId, wanted);
    return { history, next: history.length === wanted.limit ? (history.at(-1)?.seq ?? null) : null };
  }
}
