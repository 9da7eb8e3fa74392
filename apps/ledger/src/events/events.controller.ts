import { Readable } from 'node:stream';
import { Controller, Get, Param, Query, Res, UseFilters, UseGuards } from '@nestjs/common';
import { ProblemFilter, readInput } from '@grantkeeper/http';
import type { TenantId } from '@grantkeeper/kernel';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { type AdminCaller, AdminKeys } from '../access/admin-keys.ts';
import { AdminGuard, AdmittedTenant, Caller } from '../access/admin.guard.ts';
import { EventExport } from './event-export.ts';

const range = z.strictObject({
  /** The last `seq` that the caller has. */
  after: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).optional(),
  /** `open` shows personal data in words, `sealed` as it stands in the ledger. */
  personal: z.enum(['open', 'sealed']).default('open'),
});

/** The ledger as NDJSON, from any position, one event a line, in order and without a gap. */
@Controller('admin/v1/tenants/:tenant/events')
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class EventsController {
  constructor(
    private readonly events: EventExport,
    private readonly keys: AdminKeys,
  ) {}

  @Get()
  async export(
    @AdmittedTenant() tenantId: TenantId,
    @Caller() caller: AdminCaller,
    @Param('tenant') _name: string,
    @Query() query: unknown,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const wanted = readInput(range, query);
    const head = await this.events.headOf(tenantId);
    const lines = this.events.lines(tenantId, wanted, head.seq, () => this.keys.requireLiving(caller));
    await reply
      .header('content-type', 'application/x-ndjson')
      .header('cache-control', 'no-store')
      .header('grantkeeper-ledger-epoch', String(head.epoch))
      .header('grantkeeper-ledger-seq', String(head.seq))
      .send(Readable.from(lines));
  }
}
