import { Controller, Get, Param, UseFilters, UseGuards } from '@nestjs/common';
import { ProblemFilter, readInput } from '@grantkeeper/http';
import type { TenantId } from '@grantkeeper/kernel';
import { z } from 'zod';
import { AdminGuard, AdmittedTenant } from '../access/admin.guard.ts';
import { Receipts, type SignedReceipt } from './receipts.ts';

const parameters = z.object({ seq: z.coerce.number().int().min(1) });

/** Which enforcement points have obeyed what was revoked or suspended at a position, signed. */
@Controller('admin/v1/tenants/:tenant/revocations/:seq/receipt')
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class ReceiptsController {
  constructor(private readonly receipts: Receipts) {}

  @Get()
  async get(@AdmittedTenant() tenantId: TenantId, @Param() path: Record<string, string>): Promise<SignedReceipt> {
    const { seq } = readInput(parameters, path);
    return this.receipts.of(tenantId, seq);
  }
}
