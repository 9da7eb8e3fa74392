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
import { CommandBus } from '@nestjs/cqrs';
import { ProblemFilter, readInput } from '@grantkeeper/http';
import type { TenantId } from '@grantkeeper/kernel';
import { z } from 'zod';
import { type AdminCaller } from '../access/admin-keys.ts';
import { AdminGuard, AdmittedTenant, Caller } from '../access/admin.guard.ts';
import { IdempotencyKeys } from '../access/idempotency-key.ts';
import { page } from '../tenants/tenants.controller.ts';
import { CreateUser } from './create-user.handler.ts';
import { SignOutUser } from './sign-out-user.handler.ts';
import { SetEmailVerification } from './set-email-verification.handler.ts';
import { UserQueries } from './users.queries.ts';

const newUser = z.strictObject({
  email: z.email().max(254),
  emailVerified: z.boolean().default(false),
  name: z.string().trim().min(1).max(120).optional(),
  // NIST SP 800-63B: length counts, composition rules do not.
  password: z.string().min(12, 'must have at least 12 characters').max(200).optional(),
  role: z.enum(['member', 'admin']).default('member'),
});

const signOut = z.strictObject({ reason: z.string().trim().min(1).max(500).optional() });

const changes = z.strictObject({ emailVerified: z.boolean() });

/** The people of a tenant. */
@Controller('admin/v1/tenants/:tenant/users')
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class UsersController {
  constructor(
    private readonly commands: CommandBus,
    private readonly queries: UserQueries,
    private readonly idempotencyKeys: IdempotencyKeys,
  ) {}

  @Post()
  @HttpCode(201)
  async create(
    @AdmittedTenant() tenantId: TenantId,
    @Caller() caller: AdminCaller,
    @Param('tenant') _name: string,
    @Body() body: unknown,
    @Headers('idempotency-key') key: string | undefined,
  ) {
    const input = readInput(newUser, body);
    // Only whether there is a password is in the command's fingerprint: not even its hash is kept with a command.
    const shown = { ...input, password: input.password !== undefined };
    const command = await this.idempotencyKeys.ofTenant(tenantId, key, caller, 'create-user', shown);
    const created = await this.commands.execute(
      new CreateUser(tenantId, { ...input, actor: caller.actor, origin: caller.origin, command }),
    );
    return {
      ...created,
      email: input.email,
      emailVerified: input.emailVerified,
      name: input.name ?? null,
      role: input.role,
    };
  }

  @Get()
  async list(@AdmittedTenant() tenantId: TenantId, @Param('tenant') _name: string, @Query() query: unknown) {
    const { limit, after } = readInput(page, query);
    const users = await this.queries.list(tenantId, { limit, after });
    return { users, next: users.length === limit ? users.at(-1)!.id : null };
  }

  @Get(':user')
  async get(@AdmittedTenant() tenantId: TenantId, @Param('tenant') _name: string, @Param('user') user: string) {
    return this.queries.get(tenantId, user);
  }

  @Patch(':user')
  async change(
    @AdmittedTenant() tenantId: TenantId,
    @Caller() caller: AdminCaller,
    @Param('tenant') _name: string,
    @Param('user') user: string,
    @Body() body: unknown,
  ) {
    const { emailVerified } = readInput(changes, body);
    const { actor, origin } = caller;
    await this.commands.execute(new SetEmailVerification(tenantId, user, emailVerified, actor, origin));
    return this.queries.get(tenantId, user);
  }
  @Delete(':user/sessions')
  @HttpCode(204)
  async signOut(
    @AdmittedTenant() tenantId: TenantId,
    @Caller() { actor, origin }: AdminCaller,
    @Param('tenant') _name: string,
    @Param('user') user: string,
    @Body() body: unknown,
  ): Promise<void> {
    const { reason } = readInput(signOut, body ?? {});
    await this.commands.execute(new SignOutUser(tenantId, user, reason, actor, origin));
  }
}
