import { adminSearch } from './admin-search.projection.ts';
import type { AsyncProjection } from './async-projection.ts';
import { clientStatistics } from './client-statistics.projection.ts';
import { grantTimeline } from './grant-timeline.projection.ts';

/** Every asynchronous projection: what the worker keeps up, and what can be rebuilt. */
export const asyncProjections: readonly AsyncProjection[] = [grantTimeline, clientStatistics, adminSearch];

export * from './admin-search.projection.ts';
export * from './async-projection.ts';
export * from './client-statistics.projection.ts';
export * from './describe-event.ts';
export * from './grant-timeline.projection.ts';
