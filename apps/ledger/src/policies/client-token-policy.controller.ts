import { Body, Controller, Get, Param, Put, UseFilters, UseGuards } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { type ClientTokenPolicy, clientTokenPolicy } from '@grantkeeper/domain';
import { Database } from '@grantkeeper/event-store';
import { ProblemFilter, readInput } from '@grantkeeper/http';
import type { TenantId } from '@grantkeeper/kernel';
import type { AdminCaller } from '../access/admin-keys.ts';
import { AdminGuard, AdmittedTenant, Caller } from '../access/admin.guard.ts';
import { SetClientTokenPolicy } from './set-client-token-policy.handler.ts';

const whole = clientTokenPolicy.strict();

/** What the tokens of one client have instead of the tenant's policy. */
@Controller('admin/v1/tenants/:tenant/clients/:client/token-policy')
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class ClientTokenPolicyController {
  constructor(
    private readonly commands: CommandBus,
    private readonly database: Database,
  ) {}

  @Get()
  async get(
    @AdmittedTenant() tenantId: TenantId,
    @Param('tenant') _name: string,
    @Param('client') clientId: string,
  ): Promise<ClientTokenPolicy> {
    const row = await this.database.asTenant(tenantId, (tx) =>
      tx
        .selectFrom('client_policies')
        .select('settings')
        .where('tenant_id', '=', tenantId)
        .where('client_id', '=', clientId)
        .executeTakeFirst(),
    );
    return (row?.settings ?? {}) as ClientTokenPolicy;
  }

  @Put()
  async set(
    @AdmittedTenant() tenantId: TenantId,
    @Caller() caller: AdminCaller,
    @Param('tenant') _name: string,
    @Param('client') clientId: string,
    @Body() body: unknown,
  ): Promise<ClientTokenPolicy> {
    const settings = readInput(whole, body);
    return this.commands.execute(new SetClientTokenPolicy(tenantId, clientId, settings, caller.actor, caller.origin));
  }
}
