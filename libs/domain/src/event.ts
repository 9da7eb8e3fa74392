import type { z } from 'zod';

/**
 * What a field of a payload is: `pseudonym`, a random id that stands for a person or their things; `business`, a fact of
 * the tenant; `public`, what anyone may know. Personal data is none of them: it is in `personal`, sealed.
 */
export type PrivacyClass = 'pseudonym' | 'business' | 'public';

/**
 * What an event does to something that must be unique in the tenant: from it on `holder` holds it, or holds it no more.
 * There is no `value` where that is made with a key: only whoever appends knows it.
 */
export type UniqueEffect =
  | { readonly kind: string; readonly value?: string; readonly holder: string }
  | { readonly kind: string; readonly releasedBy: string };

/** What an event's type stands for: its contract (docs/events.md), and what its append must respect. */
export interface EventDefinition<Type extends string = string, Payload = unknown, Personal extends string = string> {
  readonly type: Type;
  /** Number of the payload's shape; a new shape is a new number with an upcaster from the one before. */
  readonly version: number;
  readonly streamType: StreamType;
  readonly payload: z.ZodType<Payload>;
  readonly privacy: Readonly<Record<string, PrivacyClass>>;
  /** From each earlier version to the one after it. */
  readonly upcasters: Readonly<Record<number, (payload: unknown) => unknown>>;
  /** Fields that are personal data: stored sealed under a person's or the tenant's key, never in the clear. */
  readonly personal: readonly Personal[];
  /** A decision that was read before this event must not commit after it. */
  readonly wide: boolean;
  /** The event ends access: its append waits for everyone who is handing out access, and nobody hands any out meanwhile. */
  readonly endsAccess: boolean;
  /** What of it must be unique; the row of `unique_facts` that says so is written with the event. */
  unique?(payload: Payload): UniqueEffect;
  readonly says: string;
}

export type StreamType =
  | 'ledger'
  | 'tenant'
  | 'issuer'
  | 'resource'
  | 'policy'
  | 'client-policy'
  | 'signing-key'
  | 'user'
  | 'client'
  | 'client-rule'
  | 'grant'
  | 'pair'
  | 'admin-key'
  | 'enforcement-point'
  | 'admin-consent'
  | 'initial-access-token'
  | 'webhook'
  | 'signal-receiver'
  | 'cut';

/** Whose key seals a personal field: a person of the tenant, or the tenant itself where no person is meant. */
export type PersonalSubject = { readonly user: string } | 'tenant';

export interface PersonalField {
  readonly subject: PersonalSubject;
  readonly value: string;
}

/** An event that has been decided and not yet recorded. */
export interface NewEvent<Payload = unknown> {
  readonly definition: EventDefinition<string, Payload>;
  readonly streamId: string;
  readonly payload: Payload;
  readonly personal: Readonly<Record<string, PersonalField>>;
}

/** An event as projections meet it: live (positions and times are placeholders, see db/migrations/0004_append.ts) or replayed. */
export interface RecordedEvent<Payload = unknown> {
  readonly tenantId: string;
  readonly seq: number;
  readonly eventId: string;
  readonly streamType: StreamType;
  readonly streamId: string;
  readonly streamVersion: number;
  readonly type: string;
  readonly recordedAt: string;
  readonly actor: Actor;
  readonly payload: Payload;
  /** Sealed values by field. */
  readonly personal: Readonly<Record<string, string>>;
}

/** Who acted; `via` is the chain behind it (an admin key used for a person, an operator acting for an admin). */
export interface Actor {
  readonly kind: 'operator' | 'admin' | 'user' | 'client' | 'system';
  readonly id: string;
  readonly via?: Actor;
}

/** Defines an event type; `on` makes an event of it. */
export function defineEvent<Type extends string, Payload, Personal extends string = never>(definition: {
  type: Type;
  version: number;
  streamType: StreamType;
  payload: z.ZodType<Payload>;
  privacy: { readonly [Field in keyof Payload]-?: PrivacyClass };
  upcasters?: Readonly<Record<number, (payload: unknown) => unknown>>;
  personal?: readonly Personal[];
  wide?: boolean;
  endsAccess?: boolean;
  unique?: (payload: Payload) => UniqueEffect;
  says: string;
}) {
  const whole: EventDefinition<Type, Payload, Personal> = {
    personal: [],
    upcasters: {},
    wide: false,
    endsAccess: false,
    ...definition,
  };
  return {
    ...whole,
    /** An event of this type on the stream `streamId`; throws when the payload breaks the contract. */
    on(streamId: string, payload: Payload, personal: Partial<Record<Personal, PersonalField>> = {}): NewEvent<Payload> {
      const fields = Object.entries(personal).filter(
        (entry): entry is [string, PersonalField] => entry[1] !== undefined,
      );
      return {
        definition: whole,
        streamId,
        payload: whole.payload.parse(payload),
        personal: Object.fromEntries(fields),
      };
    },
    /** Narrows a recorded event to this type. */
    is(event: RecordedEvent): event is RecordedEvent<Payload> {
      return event.type === whole.type;
    },
  };
}
