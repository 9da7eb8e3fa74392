import { Body, Controller, Get, Headers, HttpCode, Param, Post, Query, UseFilters, UseGuards } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { Database } from '@grantkeeper/event-store';
import { ProblemFilter, readInput } from '@grantkeeper/http';
import { PersonalData } from '@grantkeeper/keys';
import type { TenantId } from '@grantkeeper/kernel';
import { ResumeAccess, SuspendAccess } from '@grantkeeper/revocation';
import { z } from 'zod';
import { type AdminCaller } from '../access/admin-keys.ts';
import { AdminGuard, AdmittedTenant, Caller } from '../access/admin.guard.ts';
import { IdempotencyKeys } from '../access/idempotency-key.ts';
import { Receipts } from '../receipts/receipts.ts';

const id = z.uuid().toLowerCase();
const target = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('grant'), grantId: id }),
  z.strictObject({ kind: z.literal('user'), userId: id }),
  z.strictObject({ kind: z.literal('client'), clientId: z.string().min(1).max(2048) }),
  z.strictObject({ kind: z.literal('resource'), resourceId: id }),
  z.strictObject({ kind: z.literal('tenant') }),
]);
const reason = z.string().trim().min(1).max(500);
const newSuspension = z.strictObject({ target, reason, wait: z.int().min(0).max(2_000).optional() });
const newResumption = z.strictObject({ target, reason: reason.optional() });
const filter = z.strictObject({
  state: z.enum(['suspended', 'all']).default('suspended'),
  before: z.coerce.number().int().min(1).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});

/** Suspending access, which can be resumed: of a link, a person, a client, an MCP server, the tenant. */
@Controller('admin/v1/tenants/:tenant')
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class SuspensionsController {
  constructor(
    private readonly commands: CommandBus,
    private readonly database: Database,
    private readonly personalData: PersonalData,
    private readonly idempotencyKeys: IdempotencyKeys,
    private readonly receipts: Receipts,
  ) {}

  @Post('suspensions')
  @HttpCode(200)
  async suspend(
    @AdmittedTenant() tenantId: TenantId,
    @Caller() caller: AdminCaller,
    @Param('tenant') tenant: string,
    @Body() body: unknown,
    @Headers('idempotency-key') key: string | undefined,
  ) {
    const { wait, ...input } = readInput(newSuspension, body);
    const command = await this.idempotencyKeys.ofTenant(tenantId, key, caller, 'suspend', input);
    const { actor, origin } = caller;
    const act = { ...input, actor, origin, ...(command && { command }) };
    const result = await this.commands.execute(new SuspendAccess(tenantId, act));
    return { target: input.target, ...result, ...(await this.receipts.after(tenantId, tenant, result, wait)) };
  }

  @Post('resumptions')
  @HttpCode(200)
  async resume(
    @AdmittedTenant() tenantId: TenantId,
    @Caller() caller: AdminCaller,
    @Param('tenant') _name: string,
    @Body() body: unknown,
    @Headers('idempotency-key') key: string | undefined,
  ) {
    const input = readInput(newResumption, body);
    const command = await this.idempotencyKeys.ofTenant(tenantId, key, caller, 'resume', input);
    const { actor, origin } = caller;
    const act = { ...input, actor, origin, ...(command && { command }) };
    return { target: input.target, ...(await this.commands.execute(new ResumeAccess(tenantId, act))) };
  }

  @Get('suspensions')
  async list(@AdmittedTenant() tenantId: TenantId, @Param('tenant') _name: string, @Query() query: unknown) {
    const { state, before, limit } = readInput(filter, query);
    const rows = await this.database.asTenant(tenantId, (tx) =>
      tx
        .selectFrom('suspensions')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .$if(state === 'suspended', (suspensions) => suspensions.where('resumed_seq', 'is', null))
        .$if(before !== undefined, (suspensions) => suspensions.where('suspended_seq', '<', before!))
        .orderBy('suspended_seq', 'desc')
        .limit(limit)
        .execute(),
    );
    const suspensions = await Promise.all(
      rows.map(async (row) => ({
        seq: row.suspended_seq,
        kind: row.kind,
        id: row.target_id,
        reason: await this.personalData.open(tenantId, 'reason', row.reason_sealed),
        actor: row.actor as unknown,
        suspendedAt: row.suspended_at,
        resumedAt: row.resumed_at,
        resumedBy: row.resumed_by as unknown,
      })),
    );
    return { suspensions, next: rows.length === limit ? rows.at(-1)!.suspended_seq : null };
  }
}
