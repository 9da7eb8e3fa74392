import { Body, Controller, Get, Headers, HttpCode, Param, Post, UseFilters, UseGuards } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { Database } from '@grantkeeper/event-store';
import { ProblemFilter, readInput } from '@grantkeeper/http';
import type { TenantId } from '@grantkeeper/kernel';
import { sql } from 'kysely';
import { z } from 'zod';
import { type AdminCaller } from '../access/admin-keys.ts';
import { AdminGuard, AdmittedTenant, Caller } from '../access/admin.guard.ts';
import { IdempotencyKeys } from '../access/idempotency-key.ts';
import { GiveAdminConsent } from './give-admin-consent.handler.ts';
import { WithdrawAdminConsent } from './withdraw-admin-consent.handler.ts';

const id = z.uuid().toLowerCase();
const newConsent = z.strictObject({
  clientId: z.string().min(1).max(2048),
  metadataDigest: z.string().min(1).max(128).optional(),
  resourceId: id.optional(),
  scopes: z.array(z.string().min(1).max(128)).min(1).max(50),
});
const withdrawal = z.strictObject({ reason: z.string().trim().min(1).max(500) });

/** What was consented to below it is dead, for everyone. */
const watermark = sql<number>`(SELECT greatest(t.revoked_seq, c.revoked_seq, r.revoked_seq,
    pair_watermark(a.tenant_id, NULL, a.client_id, a.resource_id))
  FROM tenants t, clients c, resources r WHERE t.tenant_id = a.tenant_id AND c.tenant_id = a.tenant_id
    AND c.client_id = a.client_id AND r.tenant_id = a.tenant_id AND r.resource_id = a.resource_id)`;

/** What an admin consents to for everyone of the tenant. */
@Controller('admin/v1/tenants/:tenant/admin-consents')
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class AdminConsentsController {
  constructor(
    private readonly commands: CommandBus,
    private readonly database: Database,
    private readonly idempotencyKeys: IdempotencyKeys,
  ) {}

  @Post()
  @HttpCode(201)
  async give(
    @AdmittedTenant() tenantId: TenantId,
    @Caller() caller: AdminCaller,
    @Param('tenant') _name: string,
    @Body() body: unknown,
    @Headers('idempotency-key') key: string | undefined,
  ) {
    const input = readInput(newConsent, body);
    const command = await this.idempotencyKeys.ofTenant(tenantId, key, caller, 'give-admin-consent', input);
    return this.commands.execute(new GiveAdminConsent(tenantId, input, caller.actor, caller.origin, command));
  }

  @Get()
  async list(@AdmittedTenant() tenantId: TenantId, @Param('tenant') _name: string) {
    const rows = await this.database.asTenant(tenantId, (tx) =>
      tx
        .selectFrom('admin_consents as a')
        .selectAll('a')
        .select(watermark.as('watermark'))
        .where('a.tenant_id', '=', tenantId)
        .orderBy('a.given_seq', 'desc')
        .limit(500)
        .execute(),
    );
    return {
      adminConsents: rows.map((row) => ({
        id: row.consent_id,
        clientId: row.client_id,
        resourceId: row.resource_id,
        metadataDigest: row.metadata_digest,
        scopes: row.scopes,
        givenAt: row.given_at,
        withdrawnAt: row.withdrawn_at,
        inForce: row.withdrawn_at === null && row.given_seq > row.watermark,
      })),
    };
  }

  @Post(':consent/withdrawal')
  @HttpCode(200)
  async withdraw(
    @AdmittedTenant() tenantId: TenantId,
    @Caller() caller: AdminCaller,
    @Param() parameters: Record<string, string>,
    @Body() body: unknown,
  ) {
    const { consent } = readInput(z.object({ consent: id }), parameters);
    const { reason } = readInput(withdrawal, body);
    return this.commands.execute(new WithdrawAdminConsent(tenantId, consent, reason, caller.actor, caller.origin));
  }
}
