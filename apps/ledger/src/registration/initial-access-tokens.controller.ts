import { Body, Controller, Delete, Get, Headers, HttpCode, Param, Post, UseFilters, UseGuards } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { Database } from '@grantkeeper/event-store';
import { ProblemFilter, readInput } from '@grantkeeper/http';
import type { TenantId } from '@grantkeeper/kernel';
import { z } from 'zod';
import type { AdminCaller } from '../access/admin-keys.ts';
import { AdminGuard, AdmittedTenant, Caller } from '../access/admin.guard.ts';
import { IdempotencyKeys } from '../access/idempotency-key.ts';
import { IssueInitialAccessToken, RevokeInitialAccessToken } from './initial-access-token.handlers.ts';

const newToken = z.strictObject({
  name: z.string().trim().min(1).max(120),
  maxUses: z.int().min(1).max(1_000_000).nullable().default(1),
  expiresInDays: z.int().min(1).max(366).default(30),
});
const tokenId = z.object({ token: z.uuid().toLowerCase() });

/** Tokens that let their holders register clients (RFC 7591 §3). */
@Controller('admin/v1/tenants/:tenant/initial-access-tokens')
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class InitialAccessTokensController {
  constructor(
    private readonly commands: CommandBus,
    private readonly database: Database,
    private readonly idempotencyKeys: IdempotencyKeys,
  ) {}

  @Post()
  @HttpCode(201)
  async issue(
    @AdmittedTenant() tenantId: TenantId,
    @Caller() caller: AdminCaller,
    @Param('tenant') _name: string,
    @Body() body: unknown,
    @Headers('idempotency-key') key: string | undefined,
  ) {
    const input = readInput(newToken, body);
    const command = await this.idempotencyKeys.ofTenant(tenantId, key, caller, 'issue-initial-access-token', input);
    return this.commands.execute(new IssueInitialAccessToken(tenantId, input, caller.actor, caller.origin, command));
  }

  @Get()
  async list(@AdmittedTenant() tenantId: TenantId, @Param('tenant') _name: string) {
    const rows = await this.database.asTenant(tenantId, (tx) =>
      tx
        .selectFrom('initial_access_tokens as t')
        .innerJoin('initial_access_token_secrets as s', (join) =>
          join.onRef('s.tenant_id', '=', 't.tenant_id').onRef('s.token_id', '=', 't.token_id'),
        )
        .selectAll('t')
        .select('s.uses')
        .where('t.tenant_id', '=', tenantId)
        .orderBy('t.issued_seq', 'desc')
        .limit(500)
        .execute(),
    );
    const tokens = rows.map((row) => ({
      id: row.token_id,
      name: row.name,
      maxUses: row.max_uses,
      uses: row.uses,
      issuedAt: row.issued_at,
      expiresAt: row.expires_at,
      revoked: row.revoked_seq !== null,
    }));
    return { tokens };
  }

  @Delete(':token')
  @HttpCode(204)
  async revoke(
    @AdmittedTenant() tenantId: TenantId,
    @Caller() caller: AdminCaller,
    @Param('tenant') _name: string,
    @Param() path: unknown,
  ): Promise<void> {
    const { token } = readInput(tokenId, path);
    await this.commands.execute(new RevokeInitialAccessToken(tenantId, token, caller.actor, caller.origin));
  }
}
