import { Body, Controller, Headers, Param, Post, UseFilters, UseGuards } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ProblemFilter, readInput } from '@grantkeeper/http';
import type { TenantId } from '@grantkeeper/kernel';
import { z } from 'zod';
import type { AdminCaller } from '../access/admin-keys.ts';
import { AdminGuard, AdmittedTenant, Caller } from '../access/admin.guard.ts';
import { IdempotencyKeys } from '../access/idempotency-key.ts';
import { CreateClientGrant } from './create-client-grant.handler.ts';

const newClientGrant = z.strictObject({
  clientId: z.string().min(1).max(2048),
  resourceId: z.uuid().toLowerCase().optional(),
  scopes: z.array(z.string().min(1).max(200)).max(100),
});

/** Grants of clients that act for themselves: listed and revoked like every other grant. */
@Controller('admin/v1/tenants/:tenant/client-grants')
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class ClientGrantsController {
  constructor(
    private readonly commands: CommandBus,
    private readonly idempotencyKeys: IdempotencyKeys,
  ) {}

  @Post()
  async create(
    @AdmittedTenant() tenantId: TenantId,
    @Caller() caller: AdminCaller,
    @Param('tenant') _name: string,
    @Body() body: unknown,
    @Headers('idempotency-key') key: string | undefined,
  ): Promise<{ id: string }> {
    const input = readInput(newClientGrant, body);
    const command = await this.idempotencyKeys.ofTenant(tenantId, key, caller, 'client-grant', input);
    return this.commands.execute(new CreateClientGrant(tenantId, input, caller.actor, caller.origin, command));
  }
}
