import {
  deliveredOf,
  MIN_VERIFICATION_SECONDS,
  SIGNAL_EVENT_TYPES,
  type Stream,
  type StreamSettings,
} from '@grantkeeper/deliveries';
import { receiverUrl } from '@grantkeeper/domain';
import { DomainError } from '@grantkeeper/kernel';
import { z } from 'zod';

export const PUSH = 'urn:ietf:rfc:8935';
export const POLL = 'urn:ietf:rfc:8936';

const delivery = z.discriminatedUnion('method', [
  z.object({
    method: z.literal(PUSH),
    endpoint_url: receiverUrl,
    /** Sent with every push (SSF §6.1.1); a header's value. */
    authorization_header: z
      .string()
      .max(4_000)
      .regex(/^[\x20-\x7e]+$/)
      .optional(),
  }),
  z.object({ method: z.literal(POLL), endpoint_url: z.string().optional() }),
]);
const settings = {
  delivery,
  // What is not understood is ignored (SSF §8.1.1).
  events_requested: z.array(z.string().max(500)).max(200),
  description: z.string().max(500),
};
/** What the transmitter supplies may come back, and must then be as it is. */
const supplied = {
  iss: z.string(),
  aud: z.union([z.string(), z.array(z.string())]),
  events_supported: z.array(z.string()),
  events_delivered: z.array(z.string()),
  min_verification_interval: z.int(),
  inactivity_timeout: z.int(),
};
export const newStream = z.object(settings).partial();
export const streamChange = z.object({
  stream_id: z.string(),
  ...z.object({ ...settings, ...supplied }).partial().shape,
});
export type StreamChange = z.infer<typeof streamChange>;

/** A stream as its receiver sees it (SSF §8.1.1). */
export function configurationOf(issuer: string, audience: string, stream: Stream) {
  return {
    stream_id: stream.stream_id,
    iss: issuer,
    aud: audience,
    events_supported: SIGNAL_EVENT_TYPES,
    ...(stream.events_requested && { events_requested: stream.events_requested }),
    events_delivered: deliveredOf(stream.events_requested),
    delivery:
      stream.method === 'push'
        ? { method: PUSH, endpoint_url: stream.endpoint_url }
        : { method: POLL, endpoint_url: `${issuer}/ssf/poll/${stream.stream_id}` },
    min_verification_interval: MIN_VERIFICATION_SECONDS,
    ...(stream.description !== null && { description: stream.description }),
  };
}

/** What a request to create a stream asks for: to poll, when it does not say (SSF §8.1.1.1). */
export function settingsOf(given: z.infer<typeof newStream>): StreamSettings {
  return {
    delivery: deliveryOf(given.delivery),
    eventsRequested: given.events_requested ?? null,
    description: given.description ?? null,
  };
}

/** What a stream is after a PATCH: what is left out stays. `authorization` is what the stream has now. */
export function patched(before: Stream, given: StreamChange, authorization: string | undefined): StreamSettings {
  return {
    delivery: given.delivery
      ? deliveryOf(given.delivery)
      : before.endpoint_url === null
        ? { method: 'poll' }
        : { method: 'push', url: before.endpoint_url, authorization },
    eventsRequested: given.events_requested ?? before.events_requested,
    description: given.description ?? before.description,
  };
}

/** Rejects what the transmitter supplies and the receiver has otherwise (SSF §8.1.1.3). */
export function refuseOtherwise(given: StreamChange, now: ReturnType<typeof configurationOf>): void {
  for (const field of Object.keys(supplied) as (keyof typeof supplied)[]) {
    const value = given[field];
    const is: unknown = (now as Record<string, unknown>)[field];
    const same =
      Array.isArray(value) && Array.isArray(is)
        ? value.length === is.length && value.every((one) => is.includes(one))
        : JSON.stringify(value) === JSON.stringify(is);
    if (value !== undefined && !same) {
      throw new DomainError(
        'signals.not_yours',
        'The transmitter decides this, and it is otherwise.',
        'invalid',
        field,
      );
    }
  }
}

function deliveryOf(given: z.infer<typeof delivery> | undefined): StreamSettings['delivery'] {
  if (given?.method !== PUSH) return { method: 'poll' };
  return { method: 'push', url: given.endpoint_url, authorization: given.authorization_header };
}
