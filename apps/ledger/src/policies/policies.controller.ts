import { Body, Controller, Get, Header, Param, Patch, UseFilters, UseGuards } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { policySettings } from '@grantkeeper/domain';
import { Database } from '@grantkeeper/event-store';
import { ProblemFilter, readInput } from '@grantkeeper/http';
import { TenantKeys } from '@grantkeeper/keys';
import type { TenantId } from '@grantkeeper/kernel';
import type { AdminCaller } from '../access/admin-keys.ts';
import { AdminGuard, AdmittedTenant, Caller } from '../access/admin.guard.ts';
import { SetPolicy } from './set-policy.handler.ts';

const changes = policySettings.extend({ notificationUrl: policySettings.shape.notificationUrl.nullable() }).partial().strict();

/** What a tenant allows, and for how long. */
@Controller('admin/v1/tenants/:tenant/policy')
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class PoliciesController {
  constructor(
    private readonly commands: CommandBus,
    private readonly database: Database,
    private readonly tenantKeys: TenantKeys,
  ) {}

  @Get()
  async get(@AdmittedTenant() tenantId: TenantId, @Param('tenant') _name: string): Promise<unknown> {
    const row = await this.database.asTenant(tenantId, (tx) =>
      tx.selectFrom('policies').select('settings').where('tenant_id', '=', tenantId).executeTakeFirstOrThrow(),
    );
    return row.settings as unknown;
  }

  /** What a receiver checks the signature of notifications with (Standard Webhooks). */
  @Get('notification-secret')
  @Header('cache-control', 'no-store')
  async notificationSecret(@AdmittedTenant() tenantId: TenantId, @Param('tenant') _name: string): Promise<{ secret: string }> {
    return { secret: `whsec_${(await this.tenantKeys.webhookSecret(tenantId)).toString('base64')}` };
  }

  @Patch()
  async change(@AdmittedTenant() tenantId: TenantId, @Caller() caller: AdminCaller, @Param('tenant') _name: string, @Body() body: unknown) {
    return this.commands.execute(new SetPolicy(tenantId, readInput(changes, body), caller.actor));
  }
}
