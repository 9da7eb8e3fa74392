import type { NewEvent } from './event.ts';

/** Something that must be unique in the tenant, and who claims it. */
export interface UniqueClaim {
  readonly kind: string;
  readonly value: string;
  readonly holder: string;
}

/**
 * What these events claim, as their definitions declare it. `keyed` gives, by kind, the values that are made with a key
 * and so are in no event; throws when one is missing.
 */
export function uniqueClaims(events: readonly NewEvent[], keyed: Readonly<Record<string, string>> = {}): UniqueClaim[] {
  return events.flatMap(({ definition, payload }) => {
    const effect = definition.unique?.(payload);
    if (!effect || !('holder' in effect)) return [];
    const { kind, holder, value = keyed[kind] } = effect;
    if (value === undefined) throw new TypeError(`Nobody said the value of ${kind}.`);
    return [{ kind, value, holder }];
  });
}
