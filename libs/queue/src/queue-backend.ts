import type { Processor, Queue, Worker } from 'bullmq';

/** What differs between BullMQ on Redis and BullMQ on PostgreSQL: how connections are made, watched and closed. */
export interface QueueBackend {
  readonly kind: 'redis' | 'postgres';
  /** False while a job could not be taken at once. */
  accepts(): boolean;
  queue(name: string): Queue;
  worker(name: string, process: Processor, options: { concurrency: number }): Worker;
  /** Closes the connections; queues and workers have been closed before. */
  close(): Promise<void>;
}

export type ReportQueueError = (error: Error, where: string) => void;
