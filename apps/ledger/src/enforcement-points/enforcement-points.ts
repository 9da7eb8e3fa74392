import { Injectable } from '@nestjs/common';
import {
  type Actor,
  decideCredentialRotation,
  decideEnforcementPointRegistration,
  decideEnforcementPointRetirement,
} from '@grantkeeper/domain';
import {
  type AppendInput,
  type CommandIdentity,
  Database,
  EventStore,
  once,
  retrying,
  type Transaction,
} from '@grantkeeper/event-store';
import { Clock, type TenantId } from '@grantkeeper/kernel';
import { newEnforcementPointCredential } from '@grantkeeper/tokens';
import { v7 as uuidv7 } from 'uuid';

/** Who acts, and from where. */
export interface Acting {
  readonly actor: Actor;
  readonly origin?: AppendInput['origin'];
  /** Repeated, it gets the first answer, without the credential: nothing keeps it. */
  readonly command?: CommandIdentity | undefined;
}

/** An enforcement point that was registered; its credential is in the first answer alone. */
export interface RegisteredPoint {
  readonly pointId: string;
  readonly resource: { readonly id: string; readonly url: string };
  readonly credential?: string;
}

export interface RotatedCredential {
  readonly pointId: string;
  /** ISO 8601: how long the credentials before may be used. */
  readonly previousUntil: string;
  readonly credential?: string;
}

/**
 * Enforcement points of a tenant and their credentials. What is done to one is an event; hashes of credentials are rows
 * written with it, and in no event.
 */
@Injectable()
export class EnforcementPoints {
  constructor(
    private readonly database: Database,
    private readonly store: EventStore,
    private readonly clock: Clock,
  ) {}

  /** Registers one for a resource, the default one unless named. */
  async register(
    tenantId: TenantId,
    named: { readonly name: string; readonly resourceId?: string | undefined },
    { actor, origin, command }: Acting,
  ): Promise<RegisteredPoint> {
    const pointId = uuidv7();
    const { credential, hash } = newEnforcementPointCredential(tenantId, pointId);
    return once<RegisteredPoint>(this.store, tenantId, command, async () => {
      const { read, resource, points } = await this.database.asTenantAtOneMoment(tenantId, async (tx) => ({
        read: await headOf(tx, tenantId),
        resource: await tx
          .selectFrom('resources')
          .select(['resource_id as id', 'url'])
          .where('tenant_id', '=', tenantId)
          .$if(named.resourceId === undefined, (all) => all.where('is_default', '=', true))
          .$if(named.resourceId !== undefined, (all) => all.where('resource_id', '=', named.resourceId!))
          .executeTakeFirst(),
        points: await tx
          .selectFrom('enforcement_points')
          .select(({ fn }) => fn.countAll<string>().as('number'))
          .where('tenant_id', '=', tenantId)
          .where('retired_seq', 'is', null)
          .executeTakeFirstOrThrow(),
      }));
      const events = decideEnforcementPointRegistration(
        { resourceExists: resource !== undefined, points: Number(points.number) },
        { pointId, resourceId: resource?.id ?? '', name: named.name },
      );
      const result = { pointId, resource: resource! };
      await this.store.append({
        tenantId,
        actor,
        origin,
        read,
        events,
        rows: { enforcement_point_secrets: [secretRow(tenantId, pointId, hash, null)] },
        ...(command && { command: { ...command, result } }),
      });
      return { ...result, credential };
    });
  }

  /** Makes a new credential; those before may be used for `overlapSeconds` more. Answers when that is over. */
  async rotate(
    tenantId: TenantId,
    pointId: string,
    overlapSeconds: number,
    { actor, origin, command }: Acting,
  ): Promise<RotatedCredential> {
    const { credential, hash } = newEnforcementPointCredential(tenantId, pointId);
    return once<RotatedCredential>(this.store, tenantId, command, async () => {
      const { read, row, secrets } = await this.#load(tenantId, pointId);
      const events = decideCredentialRotation(row && { pointId, retired: row.retired_seq !== null }, overlapSeconds);
      const previousUntil = new Date(this.clock.now().getTime() + overlapSeconds * 1000);
      const ending = secrets.map((secret) =>
        secretRow(tenantId, pointId, secret.secret_hash, earlier(secret.expires_at, previousUntil)),
      );
      const result = { pointId, previousUntil: previousUntil.toISOString() };
      await this.store.append({
        tenantId,
        actor,
        origin,
        read,
        events,
        current: [{ table: 'enforcement_points', row: { ...row } }],
        rows: { enforcement_point_secrets: [...ending, secretRow(tenantId, pointId, hash, null)] },
        ...(command && { command: { ...command, result } }),
      });
      return { ...result, credential };
    });
  }

  /** Ends all its credentials; again changes nothing. */
  async retire(tenantId: TenantId, pointId: string, acting: Acting): Promise<void> {
    return retrying(async () => {
      const { read, row } = await this.#load(tenantId, pointId);
      const events = decideEnforcementPointRetirement(row && { pointId, retired: row.retired_seq !== null });
      if (events.length === 0) return;
      await this.store.append({
        tenantId,
        actor: acting.actor,
        origin: acting.origin,
        read,
        events,
        current: [{ table: 'enforcement_points', row: { ...row } }],
      });
    });
  }

  async #load(tenantId: TenantId, pointId: string) {
    return this.database.asTenantAtOneMoment(tenantId, async (tx) => ({
      read: await headOf(tx, tenantId),
      row: await tx
        .selectFrom('enforcement_points')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .where('point_id', '=', pointId)
        .executeTakeFirst(),
      secrets: await tx
        .selectFrom('enforcement_point_secrets')
        .select(['secret_hash', 'expires_at'])
        .where('tenant_id', '=', tenantId)
        .where('point_id', '=', pointId)
        .execute(),
    }));
  }
}

async function headOf(tx: Transaction, tenantId: TenantId) {
  return tx.selectFrom('heads').select(['epoch', 'seq']).where('tenant_id', '=', tenantId).executeTakeFirstOrThrow();
}

function secretRow(tenantId: TenantId, pointId: string, hash: Buffer, expiresAt: Date | null): object {
  return {
    tenant_id: tenantId,
    point_id: pointId,
    secret_hash: `\\x${hash.toString('hex')}`,
    expires_at: expiresAt?.toISOString() ?? null,
  };
}

function earlier(one: Date | null, other: Date): Date {
  return one !== null && one < other ? one : other;
}
