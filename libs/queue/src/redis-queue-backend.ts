import { type Processor, Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import type { QueueBackend, ReportQueueError } from './queue-backend.ts';

/** BullMQ on Redis or Valkey. Does not wait for the server: producers fail fast while it is away, workers reconnect. */
export class RedisQueueBackend implements QueueBackend {
  readonly kind = 'redis';
  readonly #producer: Redis;
  readonly #consumer: Redis;
  readonly #prefix: string;

  constructor(url: string, prefix: string, report: ReportQueueError) {
    const retryStrategy = (times: number): number => Math.min(times * 100, 2_000);
    // Without the offline queue an add() fails while Redis is down instead of hanging until it is back.
    this.#producer = new Redis(url, {
      enableOfflineQueue: false,
      maxRetriesPerRequest: 1,
      connectTimeout: 2_000,
      retryStrategy,
    });
    // BullMQ requires null for the connections that block.
    this.#consumer = new Redis(url, { maxRetriesPerRequest: null, connectTimeout: 2_000, retryStrategy });
    this.#producer.on('error', (error) => report(error, 'redis producer'));
    this.#consumer.on('error', (error) => report(error, 'redis consumer'));
    this.#prefix = prefix;
  }

  accepts(): boolean {
    return this.#producer.status === 'ready';
  }

  queue(name: string): Queue {
    return new Queue(name, { connection: this.#producer, prefix: this.#prefix });
  }

  worker(name: string, process: Processor, options: { concurrency: number }): Worker {
    return new Worker(name, process, {
      ...options,
      connection: this.#consumer,
      prefix: this.#prefix,
      runRetryDelay: 1_000,
    });
  }

  async close(): Promise<void> {
    this.#producer.disconnect();
    this.#consumer.disconnect();
  }
}
