import { Body, Controller, Get, Param, Patch, Query, Res, UseFilters, UseGuards } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { type PolicySettings, policySettings } from '@grantkeeper/domain';
import { Database, type Transaction } from '@grantkeeper/event-store';
import { TimeTravel } from '@grantkeeper/history';
import { ProblemFilter, readInput } from '@grantkeeper/http';
import { DomainError, type TenantId } from '@grantkeeper/kernel';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { AdminCaller } from '../access/admin-keys.ts';
import { AdminGuard, AdmittedTenant, Caller } from '../access/admin.guard.ts';
import { asOf, momentOf, sayInstant } from '../history/as-of.ts';
import { SetPolicy } from './set-policy.handler.ts';

const changes = policySettings
  .extend({
    consentMaxAgeDays: policySettings.shape.consentMaxAgeDays.nullable(),
    idleLinkDays: policySettings.shape.idleLinkDays.nullable(),
    cutApprovalAbove: policySettings.shape.cutApprovalAbove.nullable(),
    scopeCeiling: policySettings.shape.scopeCeiling.nullable(),
  })
  .partial()
  .strict();
const when = z.strictObject({ as_of: asOf });

/** What a tenant allows, and for how long. */
@Controller('admin/v1/tenants/:tenant/policy')
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class PoliciesController {
  constructor(
    private readonly commands: CommandBus,
    private readonly database: Database,
    private readonly timeTravel: TimeTravel,
  ) {}

  @Get()
  async get(
    @AdmittedTenant() tenantId: TenantId,
    @Param('tenant') _name: string,
    @Query() query: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<unknown> {
    const moment = momentOf(readInput(when, query).as_of);
    if (!moment) return this.database.asTenant(tenantId, (tx) => settingsIn(tx, tenantId));
    return this.timeTravel.at(tenantId, moment, async (rows, instant) => {
      const settings = await settingsIn(rows, tenantId);
      sayInstant(reply, instant);
      return settings;
    });
  }

  @Patch()
  async change(
    @AdmittedTenant() tenantId: TenantId,
    @Caller() caller: AdminCaller,
    @Param('tenant') _name: string,
    @Body() body: unknown,
  ) {
    return shown(
      await this.commands.execute(new SetPolicy(tenantId, readInput(changes, body), caller.actor, caller.origin)),
    );
  }
}

/** With what is not set, so that a reader sees that it can be. */
function shown(settings: PolicySettings) {
  return { scopeCeiling: null, consentMaxAgeDays: null, idleLinkDays: null, cutApprovalAbove: null, ...settings };
}

async function settingsIn(tx: Transaction, tenantId: TenantId): Promise<unknown> {
  const row = await tx.selectFrom('policies').select('settings').where('tenant_id', '=', tenantId).executeTakeFirst();
  if (!row) throw new DomainError('policy.not_set', 'The tenant had no policy then.', 'not_found');
  return shown(row.settings as PolicySettings);
}
