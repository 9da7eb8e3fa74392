import { Body, Controller, Delete, Get, HttpCode, Param, Post, UseFilters, UseGuards } from '@nestjs/common';
import { ProblemFilter, readInput } from '@grantkeeper/http';
import type { TenantId } from '@grantkeeper/kernel';
import { z } from 'zod';
import { type AdminCaller, AdminKeys } from '../access/admin-keys.ts';
import { AdminGuard, AdmittedTenant, Caller } from '../access/admin.guard.ts';

const newKey = z.strictObject({ name: z.string().trim().min(1).max(120) });

/** Keys of a tenant's own admins: they reach this tenant and no other. */
@Controller('admin/v1/tenants/:tenant/admin-keys')
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class AdminKeysController {
  constructor(private readonly keys: AdminKeys) {}

  @Post()
  @HttpCode(201)
  async create(
    @AdmittedTenant() tenantId: TenantId,
    @Caller() caller: AdminCaller,
    @Param('tenant') _name: string,
    @Body() body: unknown,
  ) {
    const { name } = readInput(newKey, body);
    const { key, keyId } = await this.keys.create(tenantId, name, caller.actor, caller.origin);
    return { id: keyId, name, key };
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
