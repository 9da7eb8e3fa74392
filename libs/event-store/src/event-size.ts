import { DomainError } from '@grantkeeper/kernel';

/** The most that the payload of an event, or its sealed personal data, may take as JSON: what is larger is not a decision. */
export const MAX_EVENT_BYTES = 65_536;

/** Throws `event.too_large`, before anything of the append has reached the database. */
export function refuseTooLarge(type: string, payload: unknown, personal: Readonly<Record<string, string>>): void {
  for (const part of [payload, personal]) {
    // A character takes three bytes at most, so most events need no count.
    const text = JSON.stringify(part);
    if (text.length * 3 > MAX_EVENT_BYTES && Buffer.byteLength(text) > MAX_EVENT_BYTES) {
      throw new DomainError('event.too_large', `What ${type} would record is larger than 64 KiB.`);
    }
  }
}
