import { Body, Controller, Delete, Get, Headers, HttpCode, Param, Post, UseFilters, UseGuards } from '@nestjs/common';
import { Database } from '@grantkeeper/event-store';
import { ProblemFilter, readInput } from '@grantkeeper/http';
import { DomainError, isUuid, type TenantId } from '@grantkeeper/kernel';
import { sql } from 'kysely';
import { z } from 'zod';
import type { AdminCaller } from '../access/admin-keys.ts';
import { AdminGuard, AdmittedTenant, Caller } from '../access/admin.guard.ts';
import { IdempotencyKeys } from '../access/idempotency-key.ts';
import { SignalReceivers } from './signal-receivers.ts';

const newReceiver = z.strictObject({
  name: z.string().trim().min(1).max(120),
  /** The `aud` of what it gets; its id when left out. */
  audience: z
    .string()
    .min(1)
    .max(500)
    .regex(/^[\x21-\x7e]+$/)
    .optional(),
});
const rotation = z.strictObject({
  /** How long the credentials before may still be used. */
  overlapSeconds: z.int().min(0).max(604_800).default(0),
});

/** Who may receive the tenant's security events (OpenID Shared Signals). */
@Controller('admin/v1/tenants/:tenant/signal-receivers')
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class SignalReceiversController {
  constructor(
    private readonly receivers: SignalReceivers,
    private readonly idempotency: IdempotencyKeys,
    private readonly database: Database,
  ) {}

  @Post()
  @HttpCode(201)
  async register(
    @AdmittedTenant() tenantId: TenantId,
    @Caller() caller: AdminCaller,
    @Param('tenant') _name: string,
    @Body() body: unknown,
    @Headers('idempotency-key') key?: string,
  ) {
    const named = readInput(newReceiver, body);
    const command = await this.idempotency.ofTenant(tenantId, key, caller, 'signal-receiver', named);
    const { receiverId, credential } = await this.receivers.register(tenantId, named, { ...caller, command });
    const [view] = await this.#views(tenantId, receiverId);
    return { ...view, ...(credential !== undefined && { credential }) };
  }

  @Get()
  async list(@AdmittedTenant() tenantId: TenantId) {
    return { receivers: await this.#views(tenantId) };
  }

  @Post(':receiver/credentials')
  @HttpCode(201)
  async rotate(
    @AdmittedTenant() tenantId: TenantId,
    @Caller() caller: AdminCaller,
    @Param('receiver') receiver: string,
    @Body() body: unknown,
    @Headers('idempotency-key') key?: string,
  ) {
    const { overlapSeconds } = readInput(rotation, body ?? {});
    const id = idOf(receiver);
    const command = await this.idempotency.ofTenant(tenantId, key, caller, 'signal-credential', [id, overlapSeconds]);
    return this.receivers.rotate(tenantId, id, overlapSeconds, { ...caller, command });
  }

  @Delete(':receiver')
  @HttpCode(204)
  async remove(
    @AdmittedTenant() tenantId: TenantId,
    @Caller() caller: AdminCaller,
    @Param('receiver') receiver: string,
  ): Promise<void> {
    await this.receivers.remove(tenantId, idOf(receiver), caller);
  }

  /** With the streams that each has made, and how these fare. */
  async #views(tenantId: TenantId, only?: string) {
    return this.database.asTenant(tenantId, async (tx) => {
      const { url: issuer } = await tx
        .selectFrom('issuers')
        .select('url')
        .where('tenant_id', '=', tenantId)
        .executeTakeFirstOrThrow();
      const receivers = await tx
        .selectFrom('signal_receivers')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .where('removed_seq', 'is', null)
        .$if(only !== undefined, (all) => all.where('receiver_id', '=', only!))
        .orderBy('receiver_id')
        .execute();
      const streams = await tx
        .selectFrom('signal_streams as s')
        .leftJoin('receiver_cursors as c', (join) =>
          join
            .onRef('c.tenant_id', '=', 's.tenant_id')
            .onRef('c.receiver_id', '=', 's.stream_id')
            .on('c.receiver_kind', '=', 'signals'),
        )
        .select(['s.stream_id', 's.receiver_id', 's.method', 's.endpoint_url', 's.status', 's.status_reason'])
        .select(['s.description', 's.created_at', 'c.retry_at', 'c.last_error', 'c.failing_since_at'])
        .select([
          sql<number>`(SELECT count(*)::int FROM signal_sets h WHERE h.tenant_id = s.tenant_id
            AND h.stream_id = s.stream_id AND h.parked_at IS NULL)`.as('held'),
          sql<number>`(SELECT count(*)::int FROM dead_letters d WHERE d.tenant_id = s.tenant_id
            AND d.consumer = 'signals-' || s.stream_id AND d.resolved_at IS NULL)`.as('letters'),
        ])
        .where('s.tenant_id', '=', tenantId)
        .orderBy('s.created_at')
        .execute();
      return receivers.map((row) => ({
        id: row.receiver_id,
        name: row.name,
        audience: row.audience,
        /** Where a receiver finds everything else. */
        transmitter: issuer,
        createdAt: row.created_at,
        credentialSince: row.credential_at,
        streams: streams
          .filter(({ receiver_id: of }) => of === row.receiver_id)
          .map((stream) => ({
            id: stream.stream_id,
            method: stream.method,
            url: stream.endpoint_url,
            description: stream.description,
            status: stream.status,
            statusReason: stream.status_reason,
            createdAt: stream.created_at,
            held: stream.held,
            deadLetters: stream.letters,
            nextTryAt: stream.retry_at,
            lastError: stream.last_error,
            failingSince: stream.failing_since_at,
          })),
      }));
    });
  }
}

function idOf(receiver: string): string {
  if (isUuid(receiver)) return receiver;
  throw new DomainError('receiver.not_found', 'There is no such receiver.', 'not_found');
}
