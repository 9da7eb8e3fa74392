import { Controller, Get, Param, UseFilters, UseGuards } from '@nestjs/common';
import { Database, VerificationRecords } from '@grantkeeper/event-store';
import { ProblemFilter } from '@grantkeeper/http';
import type { TenantId } from '@grantkeeper/kernel';
import { AdminGuard, AdmittedTenant } from '../access/admin.guard.ts';

/** Whether the live rows were what the events say when they were last compared; all null before the first time. */
@Controller('admin/v1/tenants/:tenant/verification')
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class VerificationController {
  readonly #records: VerificationRecords;

  constructor(database: Database) {
    this.#records = new VerificationRecords(database);
  }

  @Get()
  async last(@AdmittedTenant() tenantId: TenantId, @Param('tenant') _name: string) {
    const last = await this.#records.last(tenantId);
    return last ?? { position: null, verifiedAt: null, tookMs: null, ok: null, lastOkAt: null, firstDifference: null };
  }
}
