import type { LedgerEvent } from '@grantkeeper/consumers';
import { z } from 'zod';
import { type PublicEventType, publicEventTypes } from './public-event-types.ts';

/** What is told of an event: ids and facts of the tenant, nothing that is personal and no free text. */
export interface PublicEvent {
  readonly type: string;
  /** When it was recorded, ISO 8601. */
  readonly timestamp: string;
  readonly data: Readonly<Record<string, unknown>>;
}

const byLedgerType = new Map(publicEventTypes.flatMap((each) => each.of.map((type) => [type, each] as const)));

/** The types of events that anyone outside is told of, in the order of the catalogue. */
export const PUBLIC_EVENT_TYPES: readonly string[] = publicEventTypes.map(({ type }) => type);

/** The public type of a ledger's event type; undefined where nobody outside is told of it. */
export function publicTypeOf(ledgerType: string): string | undefined {
  return byLedgerType.get(ledgerType)?.type;
}

/** The event as others are told of it; undefined where nobody outside is. */
export function publicEventOf(event: LedgerEvent): PublicEvent | undefined {
  const told = byLedgerType.get(event.type);
  if (!told) return undefined;
  const position = { tenant: event.tenantId, epoch: event.epoch, seq: event.seq };
  const known = { ...event.payload, ...(told.streamId !== undefined && { [told.streamId]: event.streamId }) };
  // The schema takes the fields that it names, and leaves the others in the ledger.
  return {
    type: told.type,
    timestamp: event.recordedAt.toISOString(),
    data: { ...position, ...told.data.parse(known) },
  };
}

/** The JSON Schema of a message of this type. */
export function jsonSchemaOf({ type, data }: PublicEventType): object {
  return z.toJSONSchema(
    z.object({
      type: z.literal(type),
      timestamp: z.iso.datetime(),
      data: z.object({ tenant: z.uuid(), epoch: z.int(), seq: z.int(), ...data.shape }),
    }),
  );
}
