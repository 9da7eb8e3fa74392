export * from './jobs.ts';
export type { PostgresQueueOptions } from './postgres-queue-backend.ts';
export * from './queues.ts';
