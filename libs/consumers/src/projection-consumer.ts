import type { AsyncProjection } from '@grantkeeper/read-models';
import { generationCursor } from '@grantkeeper/read-models';
import type { EventConsumer } from './event-consumer.ts';
import type { Generation } from './projection-generations.ts';

/** A consumer that writes one generation of a projection. Its cursor comes and goes with the generation. */
export interface ProjectionConsumer extends EventConsumer {
  readonly generation: Generation;
}

/** Follows the ledger into `generation`. A projection blocks: a row left out would be wrong for ever. */
export function projectionConsumer(projection: AsyncProjection, generation: Generation): ProjectionConsumer {
  return {
    name: generationCursor(projection.name, generation.generation),
    effects: 'inward',
    handles: projection.handles,
    onFailure: 'block',
    generation,
    apply: (event, { tx }) => projection.apply([event], tx, generation.generation),
    applyAll: (events, { tx }) => projection.apply(events, tx, generation.generation),
  };
}

export function generationOf(consumer: EventConsumer): Generation | undefined {
  return (consumer as Partial<ProjectionConsumer>).generation;
}

/** What metrics and lags call it: all generations of a projection are one. */
export function labelOf(consumer: EventConsumer): string {
  return generationOf(consumer)?.projection ?? consumer.name;
}
