import type { Database } from '@grantkeeper/event-store';
import { Gauge } from '@grantkeeper/observability';
import type { OnModuleDestroy } from '@nestjs/common';

/**
 * What `/metrics` tells of the keeping of activity. Rows in a default partition are those that came while their month had
 * no partition: maintenance puts them in order within the hour, unless a clock was far off.
 */
export class ActivityGauges implements OnModuleDestroy {
  readonly #gauge: Gauge;

  constructor(database: Database) {
    this.#gauge = new Gauge(
      'grantkeeper_activity_unsorted_bytes',
      'Activity that is in no partition of its month, and so is kept for longer than its days. 0 as a rule.',
      async () => {
        const rows = await database.relay<{ class: string; value: number }>(
          `SELECT replace(c.relname, '_rest', '') AS class, pg_relation_size(c.oid)::float8 AS value FROM pg_class c
           WHERE c.relnamespace = 'activity_partitions'::regnamespace AND c.relname LIKE '%\\_rest' AND c.relkind = 'r'`,
        );
        return rows.map(({ class: retention, value }) => ({ labels: { class: retention }, value }));
      },
    );
  }

  onModuleDestroy(): void {
    this.#gauge.close();
  }
}
