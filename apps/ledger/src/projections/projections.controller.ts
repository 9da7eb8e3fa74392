import { Controller, Get, HttpCode, Param, Post, UseFilters, UseGuards } from '@nestjs/common';
import { ProjectionGenerations } from '@grantkeeper/consumers';
import { Database } from '@grantkeeper/event-store';
import { ProblemFilter } from '@grantkeeper/http';
import { DomainError, type TenantId } from '@grantkeeper/kernel';
import { Queues } from '@grantkeeper/queue';
import { asyncProjections } from '@grantkeeper/read-models';
import { AdminGuard, AdmittedTenant } from '../access/admin.guard.ts';

/** The asynchronous projections of a tenant: where they stand, and building one anew beside the one that is read. */
@Controller('admin/v1/tenants/:tenant/projections')
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class ProjectionsController {
  readonly #generations: ProjectionGenerations;

  constructor(
    database: Database,
    private readonly queues: Queues,
  ) {
    this.#generations = new ProjectionGenerations(database, asyncProjections);
  }

  @Get()
  async list(@AdmittedTenant() tenantId: TenantId, @Param('tenant') _name: string) {
    return { projections: await this.#generations.progress(tenantId) };
  }

  /** Answers at once; the list shows how far it is. While one is being built, that is the one. */
  @Post(':projection/rebuild')
  @HttpCode(202)
  async rebuild(@AdmittedTenant() tenantId: TenantId, @Param('projection') name: string) {
    const projection = asyncProjections.find((each) => each.name === name);
    if (!projection) throw new DomainError('projection.not_found', 'There is no such projection.', 'not_found');
    const { generation, begun } = await this.#generations.begin(tenantId, projection);
    const progress = (await this.#generations.progress(tenantId)).find((each) => each.projection === name);
    // A hint: the sweep of the worker finds the generation without it.
    await this.queues.enqueue('events.appended', { tenantId, seq: progress?.head ?? 0 }, { deduplicate: tenantId });
    return { ...progress, generation, begun };
  }
}
