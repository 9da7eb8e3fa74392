import { Body, Controller, Get, Headers, HttpCode, Param, Post, Query, UseFilters, UseGuards } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { Database } from '@grantkeeper/event-store';
import { ProblemFilter, readInput } from '@grantkeeper/http';
import { PersonalData } from '@grantkeeper/keys';
import type { TenantId } from '@grantkeeper/kernel';
import { RevokeAccess } from '@grantkeeper/revocation';
import { z } from 'zod';
import { type AdminCaller } from '../access/admin-keys.ts';
import { AdminGuard, AdmittedTenant, Caller } from '../access/admin.guard.ts';
import { IdempotencyKeys } from '../access/idempotency-key.ts';
import { Receipts } from '../receipts/receipts.ts';
import { type PreviewTarget, RevocationPreview } from './revocation-preview.ts';
import { RevokeSigningKey } from '../signing-keys/revoke-signing-key.handler.ts';

// UUIDs in capitals name the same thing (RFC 9562 §4), but a stream's id and a row's key are text here.
const id = z.uuid().toLowerCase();
const clientId = z.string().min(1).max(2048);
const revocationTarget = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('token'), grantId: id, familyId: id, tokenId: z.string().min(1).max(200) }),
  z.strictObject({ kind: z.literal('family'), grantId: id, familyId: id }),
  z.strictObject({ kind: z.literal('grant'), grantId: id }),
  z.strictObject({ kind: z.literal('user'), userId: id }),
  z.strictObject({ kind: z.literal('client'), clientId }),
  z.strictObject({ kind: z.literal('resource'), resourceId: id }),
  z.strictObject({ kind: z.literal('tenant') }),
  z.strictObject({
    kind: z.literal('pair'),
    userId: id.optional(),
    clientId: clientId.optional(),
    resourceId: id.optional(),
  }),
  z.strictObject({ kind: z.literal('signing_key'), kid: z.string().min(1).max(200) }),
]);
const newRevocation = z
  .strictObject({
    target: revocationTarget,
    reason: z.string().trim().min(1).max(500),
    block: z.boolean().optional(),
    wait: z.int().min(0).max(2_000).optional(),
  })
  .refine(({ target, block }) => !block || target.kind === 'user' || target.kind === 'client', {
    path: ['block'],
    message: 'only a user or a client can be kept out',
  });
const previewTarget = revocationTarget.refine(
  ({ kind }) => kind !== 'token' && kind !== 'family' && kind !== 'signing_key',
  'must name links: a grant, user, client, resource, pair or tenant',
);
const page = z.strictObject({
  before: z.coerce.number().int().min(1).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});

/** Central revocation: of a token, an installation, a link, a person, a client, an MCP server, a tenant, a pair, a key. */
@Controller('admin/v1/tenants/:tenant/revocations')
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class RevocationsController {
  constructor(
    private readonly commands: CommandBus,
    private readonly database: Database,
    private readonly personalData: PersonalData,
    private readonly idempotencyKeys: IdempotencyKeys,
    private readonly receipts: Receipts,
    private readonly preview: RevocationPreview,
  ) {}

  @Post()
  @HttpCode(200)
  async revoke(
    @AdmittedTenant() tenantId: TenantId,
    @Caller() caller: AdminCaller,
    @Param('tenant') tenant: string,
    @Body() body: unknown,
    @Headers('idempotency-key') key: string | undefined,
  ) {
    const { wait, ...input } = readInput(newRevocation, body);
    const command = await this.idempotencyKeys.ofTenant(tenantId, key, caller, 'revoke', input);
    const { target, reason, block } = input;
    const act = { reason, actor: caller.actor, origin: caller.origin, ...(command && { command }) };
    const result = await this.commands.execute(
      target.kind === 'signing_key'
        ? new RevokeSigningKey(tenantId, { ...act, kid: target.kid })
        : new RevokeAccess(tenantId, { ...act, target, because: 'admin', block }),
    );
    return { target, ...result, ...(await this.receipts.after(tenantId, tenant, result, wait)) };
  }

  /** What it would end, without ending anything. */
  @Post('preview')
  @HttpCode(200)
  async showBefore(@AdmittedTenant() tenantId: TenantId, @Param('tenant') _name: string, @Body() body: unknown) {
    const { target, ...wanted } = readInput(page.extend({ target: previewTarget }), body);
    return this.preview.of(tenantId, target as PreviewTarget, wanted);
  }

  @Get()
  async list(@AdmittedTenant() tenantId: TenantId, @Param('tenant') _name: string, @Query() query: unknown) {
    const { before, limit } = readInput(page, query);
    const rows = await this.database.asTenant(tenantId, (tx) =>
      tx
        .selectFrom('revocations')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .$if(before !== undefined, (revocations) => revocations.where('revoked_seq', '<', before!))
        .orderBy('revoked_seq', 'desc')
        .limit(limit)
        .execute(),
    );
    const revocations = await Promise.all(
      rows.map(async (row) => ({
        seq: row.revoked_seq,
        kind: row.kind,
        userId: row.user_id,
        clientId: row.client_id,
        resourceId: row.resource_id,
        grantId: row.grant_id,
        familyId: row.family_id,
        tokenId: row.token_id,
        kid: row.kid,
        because: row.because,
        reason: await this.personalData.open(tenantId, 'reason', row.reason_sealed),
        actor: row.actor as unknown,
        revokedAt: row.revoked_at,
      })),
    );
    return { revocations, next: rows.length === limit ? rows.at(-1)!.revoked_seq : null };
  }
}
