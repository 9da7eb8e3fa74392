import { Body, Controller, Get, HttpCode, Param, Post, Query, UseFilters, UseGuards } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { Database } from '@grantkeeper/event-store';
import { ProblemFilter, readInput } from '@grantkeeper/http';
import type { TenantId } from '@grantkeeper/kernel';
import { clientDisplay } from '@grantkeeper/oauth';
import { sql } from 'kysely';
import { z } from 'zod';
import type { AdminCaller } from '../access/admin-keys.ts';
import { AdminGuard, AdmittedTenant, Caller } from '../access/admin.guard.ts';
import { ApproveClientRequest, RefuseClientRequest } from './decide-client-request.handler.ts';

const requestId = z.object({ request: z.uuid().toLowerCase() });
const page = z.strictObject({
  state: z.enum(['waiting', 'refused', 'all']).default('waiting'),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});
const approval = z.strictObject({ metadataDigest: z.string().max(64) });
const refusal = z.strictObject({
  block: z.boolean().default(false),
  reason: z.string().trim().min(1).max(500).optional(),
});

/** Clients that people want to link and that an admin has to approve first. */
@Controller('admin/v1/tenants/:tenant/client-requests')
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class ClientRequestsController {
  constructor(
    private readonly commands: CommandBus,
    private readonly database: Database,
  ) {}

  /** The newest first. At most five hundred wait at a time. */
  @Get()
  async list(@AdmittedTenant() tenantId: TenantId, @Param('tenant') _name: string, @Query() query: unknown) {
    const { state, limit } = readInput(page, query);
    const rows = await this.database.asTenant(tenantId, (tx) =>
      tx
        .selectFrom('client_requests')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .where('expires_at', '>', sql<Date>`clock_timestamp()`)
        .$if(state === 'waiting', (requests) => requests.where('refused_at', 'is', null))
        .$if(state === 'refused', (requests) => requests.where('refused_at', 'is not', null))
        .orderBy('asked_at', 'desc')
        .limit(limit)
        .execute(),
    );
    const requests = rows.map((row) => ({
      id: row.request_id,
      client: {
        id: row.client_id,
        kind: row.kind,
        ...clientDisplay({ clientId: row.client_id, kind: row.kind, metadata: row.metadata }),
        metadata: row.metadata as unknown,
        metadataDigest: row.metadata_digest,
        subjects: row.subjects,
      },
      askedBy: row.asked_by,
      askedAt: row.asked_at,
      lastAskedAt: row.last_asked_at,
      times: row.times,
      refusedAt: row.refused_at,
      refusedBy: row.refused_by as unknown,
      expiresAt: row.expires_at,
    }));
    return { requests };
  }

  /** People may link the client from now on. The digest says which version of it the admin has seen. */
  @Post(':request/approval')
  @HttpCode(200)
  async approve(
    @AdmittedTenant() tenantId: TenantId,
    @Caller() caller: AdminCaller,
    @Param('tenant') _name: string,
    @Param() path: unknown,
    @Body() body: unknown,
  ) {
    const { request } = readInput(requestId, path);
    const { metadataDigest } = readInput(approval, body);
    return this.commands.execute(
      new ApproveClientRequest(tenantId, request, metadataDigest, caller.actor, caller.origin),
    );
  }

  /** People are told so, until the request expires; a block holds until it is taken away. */
  @Post(':request/refusal')
  @HttpCode(200)
  async refuse(
    @AdmittedTenant() tenantId: TenantId,
    @Caller() caller: AdminCaller,
    @Param('tenant') _name: string,
    @Param() path: unknown,
    @Body() body: unknown,
  ) {
    const { request } = readInput(requestId, path);
    const { block, reason } = readInput(refusal, body ?? {});
    return this.commands.execute(
      new RefuseClientRequest(tenantId, request, block, caller.actor, caller.origin, reason),
    );
  }
}
