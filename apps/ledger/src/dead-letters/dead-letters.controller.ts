import { Controller, Get, HttpCode, Param, Post, Query, UseFilters, UseGuards } from '@nestjs/common';
import { DeadLetters } from '@grantkeeper/consumers';
import { Database } from '@grantkeeper/event-store';
import { ProblemFilter, readInput } from '@grantkeeper/http';
import type { TenantId } from '@grantkeeper/kernel';
import { Queues } from '@grantkeeper/queue';
import { z } from 'zod';
import type { AdminCaller } from '../access/admin-keys.ts';
import { AdminGuard, AdmittedTenant, Caller } from '../access/admin.guard.ts';

const filter = z.strictObject({
  state: z.enum(['open', 'resolved', 'all']).default('open'),
  consumer: z.string().max(100).optional(),
  /** `next` of the page before. */
  before: z
    .string()
    .regex(/^\d{1,15}:[\w-]{1,100}$/)
    .optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});
const place = z.strictObject({ consumer: z.string().max(100), seq: z.coerce.number().int().min(1) });

/** Events that a consumer gave up on, and their replay. */
@Controller('admin/v1/tenants/:tenant/dead-letters')
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class DeadLettersController {
  readonly #letters: DeadLetters;

  constructor(
    database: Database,
    private readonly queues: Queues,
  ) {
    this.#letters = new DeadLetters(database);
  }

  @Get()
  async list(@AdmittedTenant() tenantId: TenantId, @Param('tenant') _name: string, @Query() query: unknown) {
    const { before, ...wanted } = readInput(filter, query);
    const deadLetters = await this.#letters.list(tenantId, {
      ...wanted,
      before: before === undefined ? undefined : pageOf(before),
    });
    const last = deadLetters.length === wanted.limit ? deadLetters.at(-1) : undefined;
    return { deadLetters, next: last ? `${last.seq}:${last.consumer}` : null };
  }

  /** Wants the event given to its consumer once more. Answered when that is on record; a worker does it. */
  @Post(':consumer/:seq/replay')
  @HttpCode(202)
  async replay(
    @AdmittedTenant() tenantId: TenantId,
    @Caller() caller: AdminCaller,
    @Param('consumer') consumer: string,
    @Param('seq') seq: string,
  ) {
    const letter = await this.#letters.requestReplay(
      { tenant: tenantId, ...readInput(place, { consumer, seq }) },
      caller.actor,
    );
    // A hint: the sweep of the worker finds the request without it.
    await this.queues.enqueue('letters.replay', { tenantId }, { deduplicate: tenantId });
    return letter;
  }
}

function pageOf(before: string): { seq: number; consumer: string } {
  const colon = before.indexOf(':');
  return { seq: Number(before.slice(0, colon)), consumer: before.slice(colon + 1) };
}
