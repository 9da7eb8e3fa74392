import { Controller, Get, Param, UseFilters, UseGuards } from '@nestjs/common';
import { Database } from '@grantkeeper/event-store';
import { ProblemFilter } from '@grantkeeper/http';
import type { TenantId } from '@grantkeeper/kernel';
import { AdminGuard, AdmittedTenant } from '../access/admin.guard.ts';

/** The keys that the tenant's issuer signs with, or has signed with. Public halves only. */
@Controller('admin/v1/tenants/:tenant/signing-keys')
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class SigningKeysController {
  constructor(private readonly database: Database) {}

  @Get()
  async list(@AdmittedTenant() tenantId: TenantId, @Param('tenant') _name: string) {
    const rows = await this.database.asTenant(tenantId, (tx) =>
      tx
        .selectFrom('signing_keys')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .orderBy('created_seq', 'desc')
        .limit(500)
        .execute(),
    );
    return {
      signingKeys: rows.map((row) => ({
        kid: row.kid,
        alg: row.alg,
        state: row.state,
        publicJwk: row.public_jwk as unknown,
        createdAt: row.created_at,
        changedAt: row.changed_at,
      })),
    };
  }
}
