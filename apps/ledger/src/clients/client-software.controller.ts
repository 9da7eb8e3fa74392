import { Controller, Get, Param, Query, UseFilters, UseGuards } from '@nestjs/common';
import { ProblemFilter, readInput } from '@grantkeeper/http';
import type { TenantId } from '@grantkeeper/kernel';
import { KNOWN_SOFTWARE, KNOWN_SOFTWARE_AS_OF } from '@grantkeeper/oauth';
import { z } from 'zod';
import { AdminGuard, AdmittedTenant } from '../access/admin.guard.ts';
import { ClientSoftware } from './client-software.queries.ts';

const page = z.strictObject({ limit: z.coerce.number().int().min(1).max(500).default(100) });

/** Clients by the software that they are: hosts that register anew for every connection are one line here (DCR-08). */
@Controller('admin/v1/tenants/:tenant/client-software')
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class ClientSoftwareController {
  constructor(private readonly software: ClientSoftware) {}

  @Get()
  async list(@AdmittedTenant() tenantId: TenantId, @Param('tenant') _name: string, @Query() query: unknown) {
    const { limit } = readInput(page, query);
    return {
      software: await this.software.list(tenantId, limit),
      catalogue: { asOf: KNOWN_SOFTWARE_AS_OF, entries: KNOWN_SOFTWARE },
    };
  }
}
