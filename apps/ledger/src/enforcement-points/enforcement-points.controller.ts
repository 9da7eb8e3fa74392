import {
  Body,
  Controller,
  Delete,
  Get,
  Headers,
  HttpCode,
  Param,
  Post,
  Query,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import { Database } from '@grantkeeper/event-store';
import { ProblemFilter, readInput } from '@grantkeeper/http';
import { DomainError, isUuid, type TenantId } from '@grantkeeper/kernel';
import { LONGEST_TOKEN_MS } from '@grantkeeper/revocation';
import { sql } from 'kysely';
import { z } from 'zod';
import type { AdminCaller } from '../access/admin-keys.ts';
import { AdminGuard, AdmittedTenant, Caller } from '../access/admin.guard.ts';
import { IdempotencyKeys } from '../access/idempotency-key.ts';
import { page } from '../tenants/tenants.controller.ts';
import { EnforcementPoints } from './enforcement-points.ts';

const newPoint = z.strictObject({
  name: z.string().trim().min(1).max(120),
  /** Id of the resource whose tokens it checks; the default one when left out. */
  resource: z.uuid().optional(),
});
const rotation = z.strictObject({
  /** How long the credentials before may still be used. */
  overlapSeconds: z.int().min(0).max(86_400).default(0),
});

/** A process that follows the feed with the credential of a point, as it was heard of last. */
interface Instance {
  readonly id: string;
  readonly firstSeenAt: string;
  readonly lastHeardAt: string;
  readonly keys: readonly string[];
  readonly whenUnreachable: string;
}

/** That are shown of one point: as many as it may have at once. */
const MOST_INSTANCES = 200;

/** Enforcement points: who may ask about the access tokens of a resource. */
@Controller('admin/v1/tenants/:tenant/enforcement-points')
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class EnforcementPointsController {
  constructor(
    private readonly points: EnforcementPoints,
    private readonly database: Database,
    private readonly idempotency: IdempotencyKeys,
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
    const input = readInput(newPoint, body);
    const { name, resource: resourceId } = input;
    const command = await this.idempotency.ofTenant(tenantId, key, caller, 'enforcement-point', input);
    const { pointId, resource, ...shown } = await this.points.register(
      tenantId,
      { name, resourceId },
      { ...caller, command },
    );
    return { id: pointId, name, resource, ...shown };
  }

  @Get()
  async list(@AdmittedTenant() tenantId: TenantId, @Param('tenant') _name: string, @Query() query: unknown) {
    const { limit, after } = readInput(page, query);
    const rows = await this.database.asTenant(tenantId, (tx) =>
      tx
        .selectFrom('enforcement_points as e')
        .innerJoin('resources as r', (join) =>
          join.onRef('r.tenant_id', '=', 'e.tenant_id').onRef('r.resource_id', '=', 'e.resource_id'),
        )
        .selectAll('e')
        .select('r.url')
        .select(
          sql<Instance[]>`(
          SELECT coalesce(json_agg(x ORDER BY x."firstSeenAt", x.id), '[]') FROM (
            SELECT i.instance_id AS id, i.first_seen_at AS "firstSeenAt", i.last_lease_at AS "lastHeardAt", i.keys,
              i.when_unreachable AS "whenUnreachable"
            FROM enforcement_point_instances i
            WHERE i.tenant_id = e.tenant_id AND i.point_id = e.point_id::text AND i.left_at IS NULL
              AND i.last_lease_at > clock_timestamp() - make_interval(secs => ${LONGEST_TOKEN_MS / 1000})
            ORDER BY i.last_lease_at DESC, i.instance_id LIMIT ${MOST_INSTANCES}) x)`.as('instances'),
        )
        .where('e.tenant_id', '=', tenantId)
        .$if(after !== undefined && isUuid(after), (all) => all.where('e.point_id', '>', after!))
        .orderBy('e.point_id')
        .limit(limit)
        .execute(),
    );
    return {
      enforcementPoints: rows.map((row) => ({
        id: row.point_id,
        name: row.name,
        resource: { id: row.resource_id, url: row.url },
        createdAt: row.created_at,
        credentialSince: row.credential_at,
        retiredAt: row.retired_at,
        instances: row.instances.map((instance) => ({
          ...instance,
          firstSeenAt: new Date(instance.firstSeenAt),
          lastHeardAt: new Date(instance.lastHeardAt),
        })),
      })),
      next: rows.length === limit ? rows.at(-1)!.point_id : null,
    };
  }

  @Post(':point/credentials')
  @HttpCode(201)
  async rotate(
    @AdmittedTenant() tenantId: TenantId,
    @Caller() caller: AdminCaller,
    @Param('tenant') _name: string,
    @Param('point') point: string,
    @Body() body: unknown,
    @Headers('idempotency-key') key?: string,
  ) {
    const { overlapSeconds } = readInput(rotation, body ?? {});
    const id = idOf(point);
    const command = await this.idempotency.ofTenant(tenantId, key, caller, 'point-credential', [id, overlapSeconds]);
    const { pointId, ...shown } = await this.points.rotate(tenantId, id, overlapSeconds, { ...caller, command });
    return { id: pointId, ...shown };
  }

  @Delete(':point')
  @HttpCode(204)
  async retire(
    @AdmittedTenant() tenantId: TenantId,
    @Caller() caller: AdminCaller,
    @Param('tenant') _name: string,
    @Param('point') point: string,
  ): Promise<void> {
    await this.points.retire(tenantId, idOf(point), caller);
  }
}

function idOf(point: string): string {
  if (isUuid(point)) return point;
  throw new DomainError('point.not_found', 'There is no such enforcement point.', 'not_found');
}
