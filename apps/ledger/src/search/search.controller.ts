import { Controller, Get, Param, Query, UseFilters, UseGuards } from '@nestjs/common';
import { Database, type Transaction } from '@grantkeeper/event-store';
import { ProblemFilter, readInput } from '@grantkeeper/http';
import { TenantKeys } from '@grantkeeper/keys';
import type { TenantId } from '@grantkeeper/kernel';
import { adminSearch, liveGeneration, searchAdmin, type SearchEntry } from '@grantkeeper/read-models';
import { z } from 'zod';
import { AdminGuard, AdmittedTenant } from '../access/admin.guard.ts';
import { namedClients } from './named-clients.ts';

const search = z.strictObject({
  q: z
    .string()
    .trim()
    .min(1)
    .max(200)
    .regex(/^\P{Cc}*$/u, 'must not hold control characters'),
  limit: z.coerce.number().int().min(1).max(100).default(20),
});

/**
 * Finds clients, resources, scopes, people and links by the beginnings of words and ids. A person is found by their id,
 * or by their whole e-mail address, through its keyed HMAC: names and addresses are in no index.
 */
@Controller('admin/v1/tenants/:tenant/search')
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class SearchController {
  constructor(
    private readonly database: Database,
    private readonly tenantKeys: TenantKeys,
  ) {}

  @Get()
  async find(@AdmittedTenant() tenantId: TenantId, @Param('tenant') _name: string, @Query() query: unknown) {
    const { q, limit } = readInput(search, query);
    const emailIndex = z.email().safeParse(q).success ? await this.tenantKeys.emailIndex(tenantId, q) : undefined;
    return this.database.asTenantAtOneMoment(tenantId, async (tx) => {
      const { generation, asOf } = await liveGeneration(tx, tenantId, adminSearch.name);
      const entries = generation === null ? [] : await searchAdmin(tx, tenantId, generation, q, limit);
      const found = await namedClients(tx, tenantId, entries);
      const person = emailIndex === undefined ? undefined : await personOf(tx, tenantId, emailIndex);
      const results = person ? [person, ...found.filter(({ id }) => id !== person.id)].slice(0, limit) : found;
      return { results, asOf };
    });
  }
}

async function personOf(tx: Transaction, tenantId: TenantId, emailIndex: string): Promise<SearchEntry | undefined> {
  const fact = await tx
    .selectFrom('unique_facts')
    .select('holder')
    .where('tenant_id', '=', tenantId)
    .where('kind', '=', 'user.email')
    .where('value', '=', emailIndex)
    .executeTakeFirst();
  const user =
    fact &&
    (await tx
      .selectFrom('users')
      .select(['user_id', 'sub', 'role'])
      .where('tenant_id', '=', tenantId)
      .where('user_id', '=', fact.holder)
      .executeTakeFirst());
  return user && { kind: 'user', id: user.user_id, title: user.sub, detail: user.role };
}
