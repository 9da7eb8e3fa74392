import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Database } from '@grantkeeper/event-store';
import { Gauge } from '@grantkeeper/observability';
import { RevocationFeed } from './revocation-feed.ts';

/** What `/metrics` tells of the revocation feed at this node. */
@Injectable()
export class FeedGauges implements OnModuleDestroy {
  readonly #gauges: readonly Gauge[];

  constructor(database: Database, feed: RevocationFeed) {
    this.#gauges = [
      new Gauge(
        'grantkeeper_feed_age_seconds',
        'Age of what this node has read of the revocation feed last. Beyond two seconds enforcement points ask elsewhere.',
        () => Promise.resolve(feed.age === undefined ? [] : [{ labels: {}, value: feed.age / 1000 }]),
      ),
      new Gauge(
        'grantkeeper_notification_queue_usage',
        'Share of the notification queue of PostgreSQL that is in use. When it is full no revocation can be committed.',
        async () => {
          const rows = await database.promptly<{ value: number }>('SELECT pg_notification_queue_usage() AS value');
          return rows.map(({ value }) => ({ labels: {}, value }));
        },
      ),
    ];
  }

  onModuleDestroy(): void {
    for (const gauge of this.#gauges) gauge.close();
  }
}
