import { Body, Controller, Get, Headers, HttpCode, Param, Post, Query, UseFilters, UseGuards } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ProblemFilter, readInput } from '@grantkeeper/http';
import { DomainError, isUuid, type TenantId } from '@grantkeeper/kernel';
import { Queues } from '@grantkeeper/queue';
import type { AdminCaller } from '../access/admin-keys.ts';
import { AdminGuard, AdmittedTenant, Caller } from '../access/admin.guard.ts';
import { IdempotencyKeys } from '../access/idempotency-key.ts';
import { cutsPage, decision, linksPage, newCut, newPreview } from './cut-input.ts';
import { CutPreview } from './cut-preview.ts';
import { CutViews } from './cut-views.ts';
import { DecideCut, type DecideCutInput, RequestCut } from './cut.handlers.ts';

/** Wider cuts: of all links that have something in common, after a preview, and undone where they suspend. */
@Controller('admin/v1/tenants/:tenant/cuts')
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class CutsController {
  constructor(
    private readonly commands: CommandBus,
    private readonly preview: CutPreview,
    private readonly views: CutViews,
    private readonly idempotencyKeys: IdempotencyKeys,
    private readonly queues: Queues,
  ) {}

  /** What a cut would hit, frozen: ends nothing. */
  @Post('preview')
  @HttpCode(200)
  async show(@AdmittedTenant() tenantId: TenantId, @Param('tenant') _name: string, @Body() body: unknown) {
    const { where, limit } = readInput(newPreview, body);
    return this.preview.freeze(tenantId, where, limit);
  }

  /** Asks for what was previewed; 202, as a worker does it, perhaps after an approval. */
  @Post()
  @HttpCode(202)
  async request(
    @AdmittedTenant() tenantId: TenantId,
    @Caller() caller: AdminCaller,
    @Param('tenant') tenant: string,
    @Body() body: unknown,
    @Headers('idempotency-key') key: string | undefined,
  ) {
    const input = readInput(newCut, body);
    const command = await this.idempotencyKeys.ofTenant(tenantId, key, caller, 'cut', input);
    const { actor, origin } = caller;
    const { id } = await this.commands.execute(
      new RequestCut(tenantId, { ...input, actor, origin, ...(command && { command }) }),
    );
    return this.#answer(tenantId, tenant, id);
  }

  @Get()
  async list(@AdmittedTenant() tenantId: TenantId, @Param('tenant') tenant: string, @Query() query: unknown) {
    return this.views.page(tenantId, tenant, readInput(cutsPage, query));
  }

  @Get(':cut')
  async get(@AdmittedTenant() tenantId: TenantId, @Param('tenant') tenant: string, @Param('cut') cut: string) {
    return this.views.one(tenantId, tenant, cutIdOf(cut));
  }

  /** The links of a cut or of a preview, and what became of each. */
  @Get(':cut/links')
  async links(
    @AdmittedTenant() tenantId: TenantId,
    @Param('tenant') _name: string,
    @Param('cut') cut: string,
    @Query() query: unknown,
  ) {
    return this.views.links(tenantId, cutIdOf(cut), readInput(linksPage, query));
  }

  @Post(':cut/approval')
  @HttpCode(202)
  async approve(
    @AdmittedTenant() tenantId: TenantId,
    @Caller() caller: AdminCaller,
    @Param('tenant') tenant: string,
    @Param('cut') cut: string,
    @Body() body: unknown,
  ) {
    return this.#decide(tenantId, tenant, caller, cut, 'approve', body);
  }

  @Post(':cut/refusal')
  @HttpCode(200)
  async refuse(
    @AdmittedTenant() tenantId: TenantId,
    @Caller() caller: AdminCaller,
    @Param('tenant') tenant: string,
    @Param('cut') cut: string,
    @Body() body: unknown,
  ) {
    return this.#decide(tenantId, tenant, caller, cut, 'refuse', body);
  }

  /** Resumes what the cut has suspended and nobody else has touched since. */
  @Post(':cut/undo')
  @HttpCode(202)
  async undo(
    @AdmittedTenant() tenantId: TenantId,
    @Caller() caller: AdminCaller,
    @Param('tenant') tenant: string,
    @Param('cut') cut: string,
    @Body() body: unknown,
  ) {
    return this.#decide(tenantId, tenant, caller, cut, 'undo', body);
  }

  async #decide(
    tenantId: TenantId,
    tenant: string,
    { actor, origin }: AdminCaller,
    cut: string,
    what: DecideCutInput['decision'],
    body: unknown,
  ) {
    const { reason } = readInput(decision, body ?? {});
    const cutId = cutIdOf(cut);
    await this.commands.execute(new DecideCut(tenantId, { cutId, decision: what, reason, actor, origin }));
    return this.#answer(tenantId, tenant, cutId);
  }

  /** The cut as it stands, and a hint to the worker where something is to be done. */
  async #answer(tenantId: TenantId, tenant: string, cutId: string) {
    const cut = await this.views.one(tenantId, tenant, cutId);
    // Lost hints cost time only: a sweep finds what is under way.
    if (cut.state === 'running' || cut.state === 'undoing')
      await this.queues.enqueue('cuts.run', { tenantId, cutId }, { deduplicate: cutId });
    return cut;
  }
}

function cutIdOf(text: string): string {
  if (!isUuid(text)) throw new DomainError('cut.not_found', 'There is no such cut.', 'not_found');
  return text.toLowerCase();
}
