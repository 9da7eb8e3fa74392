import type { RecordedEvent } from './event.ts';

/** A recorded event of the type that `Definition` defines. */
export type EventOf<Definition> = Definition extends {
  on(id: string, payload: infer Payload, ...rest: never[]): unknown;
}
  ? RecordedEvent<Payload>
  : never;
