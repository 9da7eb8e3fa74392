import {
  Body,
  Controller,
  Delete,
  Get,
  Headers,
  HttpCode,
  Param,
  Patch,
  Post,
  Query,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import { jsonSchemaOf, PUBLIC_EVENT_TYPES, publicEventTypes, refuseUnreachable } from '@grantkeeper/deliveries';
import { receiverUrl } from '@grantkeeper/domain';
import { ProblemFilter, readInput } from '@grantkeeper/http';
import { DomainError, isUuid, type TenantId } from '@grantkeeper/kernel';
import { OutboundClient } from '@grantkeeper/outbound';
import { z } from 'zod';
import type { AdminCaller } from '../access/admin-keys.ts';
import { AdminGuard, AdmittedTenant, Caller } from '../access/admin.guard.ts';
import { IdempotencyKeys } from '../access/idempotency-key.ts';
import { WebhookDeliveries } from './webhook-deliveries.ts';
import { WebhookQueries } from './webhooks.queries.ts';
import { Webhooks } from './webhooks.ts';

const name = z.string().trim().min(1).max(120);
/** In the order of the catalogue, each once; null for every type. */
const types = z
  .array(z.enum(PUBLIC_EVENT_TYPES as [string, ...string[]]))
  .min(1)
  .transform((wanted) => PUBLIC_EVENT_TYPES.filter((type) => wanted.includes(type)))
  .nullable();
const newWebhook = z.strictObject({ name, url: receiverUrl, types: types.default(null) });
const change = z.strictObject({ name, url: receiverUrl, types, enabled: z.boolean() }).partial();
const rotation = z.strictObject({
  /** How long messages are signed with the secret before as well. */
  overlapSeconds: z.int().min(0).max(604_800).default(86_400),
});
const redelivery = z.union([
  z.strictObject({ seq: z.int().min(1) }),
  z.strictObject({ since: z.iso.datetime({ offset: true }) }),
]);
const log = z.strictObject({
  outcome: z.enum(['accepted', 'failed', 'given_up']).optional(),
  seq: z.coerce.number().int().min(1).optional(),
  /** `next` of the page before. */
  before: z.uuid().optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});

/** URLs that are told of a tenant's events, and what they were told. */
@Controller('admin/v1/tenants/:tenant/webhooks')
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class WebhooksController {
  constructor(
    private readonly webhooks: Webhooks,
    private readonly queries: WebhookQueries,
    private readonly deliveries: WebhookDeliveries,
    private readonly idempotency: IdempotencyKeys,
    private readonly outbound: OutboundClient,
  ) {}

  /** The public event catalogue, with the JSON Schema of each message. */
  @Get('event-types')
  eventTypes() {
    return {
      eventTypes: publicEventTypes.map((each) => ({ type: each.type, says: each.says, schema: jsonSchemaOf(each) })),
    };
  }

  @Post()
  @HttpCode(201)
  async create(
    @AdmittedTenant() tenantId: TenantId,
    @Caller() caller: AdminCaller,
    @Param('tenant') _name: string,
    @Body() body: unknown,
    @Headers('idempotency-key') key?: string,
  ) {
    const settings = readInput(newWebhook, body);
    refuseUnreachable(this.outbound, settings.url, 'url');
    const command = await this.idempotency.ofTenant(tenantId, key, caller, 'webhook', settings);
    const { webhookId, secret } = await this.webhooks.create(tenantId, settings, { ...caller, command });
    return { ...(await this.queries.get(tenantId, webhookId)), ...(secret !== undefined && { secret }) };
  }

  @Get()
  async list(@AdmittedTenant() tenantId: TenantId) {
    return { webhooks: await this.queries.list(tenantId) };
  }

  @Get(':webhook')
  async get(@AdmittedTenant() tenantId: TenantId, @Param('webhook') webhook: string) {
    return this.queries.get(tenantId, idOf(webhook));
  }

  @Patch(':webhook')
  async change(
    @AdmittedTenant() tenantId: TenantId,
    @Caller() caller: AdminCaller,
    @Param('webhook') webhook: string,
    @Body() body: unknown,
  ) {
    const { enabled, ...settings } = readInput(change, body);
    if (settings.url !== undefined) refuseUnreachable(this.outbound, settings.url, 'url');
    // What is left out stays: undefined would say otherwise.
    const given = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
    await this.webhooks.change(tenantId, idOf(webhook), { settings: given, enabled }, caller);
    return this.queries.get(tenantId, webhook);
  }

  @Delete(':webhook')
  @HttpCode(204)
  async remove(
    @AdmittedTenant() tenantId: TenantId,
    @Caller() caller: AdminCaller,
    @Param('webhook') webhook: string,
  ): Promise<void> {
    await this.webhooks.remove(tenantId, idOf(webhook), caller);
  }

  @Post(':webhook/secrets')
  @HttpCode(201)
  async rotate(
    @AdmittedTenant() tenantId: TenantId,
    @Caller() caller: AdminCaller,
    @Param('webhook') webhook: string,
    @Body() body: unknown,
    @Headers('idempotency-key') key?: string,
  ) {
    const { overlapSeconds } = readInput(rotation, body ?? {});
    const id = idOf(webhook);
    const command = await this.idempotency.ofTenant(tenantId, key, caller, 'webhook-secret', [id, overlapSeconds]);
    return this.webhooks.rotateSecret(tenantId, id, overlapSeconds, { ...caller, command });
  }

  @Post(':webhook/test')
  @HttpCode(200)
  async test(@AdmittedTenant() tenantId: TenantId, @Param('webhook') webhook: string) {
    const { accepted, status, reason, durationMs, excerpt } = await this.deliveries.test(tenantId, idOf(webhook));
    return { accepted, status, reason, durationMs, excerpt };
  }

  @Get(':webhook/deliveries')
  async log(@AdmittedTenant() tenantId: TenantId, @Param('webhook') webhook: string, @Query() query: unknown) {
    return this.queries.deliveries(tenantId, idOf(webhook), readInput(log, query));
  }

  /** Has it told again: of one event, or of everything since a time. Answered when that is on record; a worker does it. */
  @Post(':webhook/redeliveries')
  @HttpCode(202)
  async again(
    @AdmittedTenant() tenantId: TenantId,
    @Caller() caller: AdminCaller,
    @Param('webhook') webhook: string,
    @Body() body: unknown,
  ) {
    const wanted = readInput(redelivery, body);
    if ('since' in wanted) return this.deliveries.since(tenantId, idOf(webhook), new Date(wanted.since));
    await this.deliveries.again(tenantId, idOf(webhook), wanted.seq, caller.actor);
    return { seq: wanted.seq };
  }
}

function idOf(webhook: string): string {
  if (isUuid(webhook)) return webhook;
  throw new DomainError('webhook.not_found', 'There is no such webhook.', 'not_found');
}
