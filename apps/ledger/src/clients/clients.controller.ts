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
  Res,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ProblemFilter, readInput } from '@grantkeeper/http';
import type { TenantId } from '@grantkeeper/kernel';
import { RemoveClient } from '@grantkeeper/revocation';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { AdminCaller } from '../access/admin-keys.ts';
import { AdminGuard, AdmittedTenant, Caller } from '../access/admin.guard.ts';
import { IdempotencyKeys } from '../access/idempotency-key.ts';
import { asOf, momentOf, sayInstant } from '../history/as-of.ts';
import { ClientHistory } from '../history/client-history.ts';
import { ChangeClient } from './change-client.handler.ts';
import { readRegisteredMetadata } from './client-metadata-input.ts';
import { ClientVersions } from './client-versions.queries.ts';
import { ClientQueries } from './clients.queries.ts';
import { RegisterClient } from './register-client.handler.ts';
import { RotateClientSecret } from './rotate-client-secret.handler.ts';

const page = z.strictObject({
  after: z.string().max(2048).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
  as_of: asOf,
});
const versionsPage = z.strictObject({ limit: z.coerce.number().int().min(1).max(500).default(100) });
const clientId = z.object({ client: z.string().min(1).max(2048) });
const metadata = z.record(z.string().max(64), z.json());
const newClient = z.strictObject({ metadata });
const rotation = z.strictObject({
  overlapSeconds: z
    .int()
    .min(0)
    .max(30 * 86_400)
    .default(86_400),
});

/** The clients that a tenant knows: now and with statistics, or as they were; and those that its admins register. */
@Controller('admin/v1/tenants/:tenant/clients')
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class ClientsController {
  constructor(
    private readonly queries: ClientQueries,
    private readonly history: ClientHistory,
    private readonly versions: ClientVersions,
    private readonly commands: CommandBus,
    private readonly idempotencyKeys: IdempotencyKeys,
  ) {}

  @Get()
  async list(
    @AdmittedTenant() tenantId: TenantId,
    @Param('tenant') _name: string,
    @Query() query: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { as_of: words, ...wanted } = readInput(page, query);
    const moment = momentOf(words);
    const nextOf = (clients: readonly { id: string }[]): string | null =>
      clients.length === wanted.limit ? (clients.at(-1)?.id ?? null) : null;
    if (!moment) {
      const listed = await this.queries.list(tenantId, wanted);
      return { ...listed, next: nextOf(listed.clients) };
    }
    const { clients, instant } = await this.history.listAsOf(tenantId, moment, wanted);
    sayInstant(reply, instant);
    return { clients, next: nextOf(clients) };
  }

  @Post()
  @HttpCode(201)
  async register(
    @AdmittedTenant() tenantId: TenantId,
    @Caller() caller: AdminCaller,
    @Param('tenant') _name: string,
    @Body() body: unknown,
    @Headers('idempotency-key') key: string | undefined,
  ) {
    const input = readInput(newClient, body);
    const command = await this.idempotencyKeys.ofTenant(tenantId, key, caller, 'register-client', input);
    const { actor, origin } = caller;
    return this.commands.execute(
      new RegisterClient(tenantId, { metadata: readRegisteredMetadata(input.metadata), actor, origin, command }),
    );
  }

  @Get(':client')
  async get(@AdmittedTenant() tenantId: TenantId, @Param('tenant') _name: string, @Param() path: unknown) {
    return this.queries.get(tenantId, readInput(clientId, path).client);
  }

  /** What it has said of itself, and what of that people or admins have agreed to. */
  @Get(':client/versions')
  async listVersions(
    @AdmittedTenant() tenantId: TenantId,
    @Param('tenant') _name: string,
    @Param() path: unknown,
    @Query() query: unknown,
  ) {
    const { limit } = readInput(versionsPage, query);
    return this.versions.list(tenantId, readInput(clientId, path).client, limit);
  }

  @Patch(':client')
  async change(
    @AdmittedTenant() tenantId: TenantId,
    @Caller() caller: AdminCaller,
    @Param('tenant') _name: string,
    @Param() path: unknown,
    @Body() body: unknown,
  ) {
    const { client } = readInput(clientId, path);
    const changes = readInput(newClient, body);
    await this.commands.execute(new ChangeClient(tenantId, client, changes.metadata, caller.actor, caller.origin));
    return this.queries.get(tenantId, client);
  }

  @Delete(':client')
  @HttpCode(204)
  async remove(
    @AdmittedTenant() tenantId: TenantId,
    @Caller() caller: AdminCaller,
    @Param('tenant') _name: string,
    @Param() path: unknown,
  ): Promise<void> {
    const { actor, origin } = caller;
    const input = { clientId: readInput(clientId, path).client, by: 'admin' as const, actor, origin };
    await this.commands.execute(new RemoveClient(tenantId, input));
  }

  /** Another secret, shown this once: a repetition makes none and answers without it. */
  @Post(':client/secret')
  @HttpCode(200)
  async rotate(
    @AdmittedTenant() tenantId: TenantId,
    @Caller() caller: AdminCaller,
    @Param('tenant') _name: string,
    @Param() path: unknown,
    @Body() body: unknown,
    @Headers('idempotency-key') key: string | undefined,
  ) {
    const { client } = readInput(clientId, path);
    const { overlapSeconds } = readInput(rotation, body ?? {});
    const asked = { client, overlapSeconds };
    const command = await this.idempotencyKeys.ofTenant(tenantId, key, caller, 'rotate-client-secret', asked);
    return this.commands.execute(
      new RotateClientSecret(tenantId, client, overlapSeconds, caller.actor, caller.origin, command),
    );
  }
}
