import { Body, Controller, Delete, Get, Headers, HttpCode, Param, Post, UseFilters, UseGuards } from '@nestjs/common';
import { ProblemFilter, readInput } from '@grantkeeper/http';
import type { TenantId } from '@grantkeeper/kernel';
import { z } from 'zod';
import { type AdminCaller, AdminKeys } from '../access/admin-keys.ts';
import { AdminGuard, AdmittedTenant, Caller } from '../access/admin.guard.ts';
import { IdempotencyKeys } from '../access/idempotency-key.ts';

const newKey = z.strictObject({ name: z.string().trim().min(1).max(120) });

/** Keys of a tenant's own admins: they reach this tenant and no other. */
@Controller('admin/v1/tenants/:tenant/admin-keys')
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class AdminKeysController {
  constructor(
    private readonly keys: AdminKeys,
    private readonly idempotency: IdempotencyKeys,
  ) {}

  @Post()
  @HttpCode(201)
  async create(
    @AdmittedTenant() tenantId: TenantId,
    @Caller() caller: AdminCaller,
    @Param('tenant') _name: string,
    @Body() body: unknown,
    @Headers('idempotency-key') idempotencyKey?: string,
  ) {
    const { name } = readInput(newKey, body);
    const command = await this.idempotency.ofTenant(tenantId, idempotencyKey, caller, 'admin-key', name);
    const { key, keyId } = await this.keys.createOnce(tenantId, name, { ...caller, command });
    return { id: keyId, name, ...(key !== undefined && { key }) };
  }

  @Get()
  async list(@AdmittedTenant() tenantId: TenantId, @Param('tenant') _name: string) {
    return { adminKeys: await this.keys.list(tenantId) };
  }

  @Delete(':key')
  @HttpCode(204)
  async revoke(
    @AdmittedTenant() tenantId: TenantId,
    @Caller() caller: AdminCaller,
    @Param('tenant') _name: string,
    @Param('key') key: string,
  ): Promise<void> {
    await this.keys.revoke(tenantId, key, caller.actor, caller.origin);
  }
}
