import { Body, Controller, Delete, Get, HttpCode, Param, Put, UseFilters, UseGuards } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { clientSubject, scopeName } from '@grantkeeper/domain';
import { Database } from '@grantkeeper/event-store';
import { ProblemFilter, readInput } from '@grantkeeper/http';
import { PersonalData } from '@grantkeeper/keys';
import type { TenantId } from '@grantkeeper/kernel';
import { z } from 'zod';
import type { AdminCaller } from '../access/admin-keys.ts';
import { AdminGuard, AdmittedTenant, Caller } from '../access/admin.guard.ts';
import { SetClientRule } from './set-client-rule.handler.ts';

const named = z.object({ subject: clientSubject });
const newRule = z.strictObject({
  effect: z.enum(['allow', 'block']),
  scopes: z.array(scopeName).max(100).nullable().default(null),
  reason: z.string().trim().min(1).max(500).optional(),
});

/** What admins say about clients: which are allowed, up to which scopes, and which are blocked. */
@Controller('admin/v1/tenants/:tenant/client-rules')
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class ClientRulesController {
  constructor(
    private readonly commands: CommandBus,
    private readonly database: Database,
    private readonly personalData: PersonalData,
  ) {}

  @Get()
  async list(@AdmittedTenant() tenantId: TenantId, @Param('tenant') _name: string) {
    const rows = await this.database.asTenant(tenantId, (tx) =>
      tx
        .selectFrom('client_rules')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .where('removed_seq', 'is', null)
        .orderBy('subject')
        .execute(),
    );
    const rules = rows.map(async (row) => ({
      subject: row.subject,
      effect: row.effect,
      scopes: row.scopes,
      reason: await this.personalData.open(tenantId, 'reason', row.reason_sealed),
      actor: row.actor as unknown,
      setAt: row.set_at,
      setSeq: row.set_seq,
    }));
    return { rules: await Promise.all(rules) };
  }

  @Put(':subject')
  async set(
    @AdmittedTenant() tenantId: TenantId,
    @Caller() caller: AdminCaller,
    @Param('tenant') _name: string,
    @Param('subject') name: string,
    @Body() body: unknown,
  ) {
    const { subject } = readInput(named, { subject: name });
    const { reason, ...rule } = readInput(newRule, body);
    await this.commands.execute(new SetClientRule(tenantId, subject, rule, caller.actor, caller.origin, reason));
    return { subject, ...rule };
  }

  @Delete(':subject')
  @HttpCode(204)
  async remove(
    @AdmittedTenant() tenantId: TenantId,
    @Caller() caller: AdminCaller,
    @Param('tenant') _name: string,
    @Param('subject') name: string,
  ): Promise<void> {
    const { subject } = readInput(named, { subject: name });
    await this.commands.execute(new SetClientRule(tenantId, subject, null, caller.actor, caller.origin));
  }
}
