import type { Database } from '@grantkeeper/event-store';
import { Gauge } from '@grantkeeper/observability';
import type { OnModuleDestroy } from '@nestjs/common';

/** What `/metrics` tells of verification, over all ledgers: the alarm, and whether anybody would raise it. */
export class VerificationGauges implements OnModuleDestroy {
  readonly #gauges: readonly Gauge[];

  constructor(database: Database) {
    const one = (name: string, help: string, query: string): Gauge =>
      new Gauge(name, help, async () =>
        (await database.relay<{ value: number }>(query)).map(({ value }) => ({ labels: {}, value })),
      );
    this.#gauges = [
      one(
        'grantkeeper_ledgers_diverged',
        'Ledgers whose live rows were not what the events say when they were last verified. Must be 0.',
        'SELECT count(*)::int AS value FROM ledger_verifications WHERE NOT ok',
      ),
      one(
        'grantkeeper_ledger_verification_age_seconds',
        'Age of the oldest last verification of a ledger that has had one.',
        `SELECT coalesce(extract(epoch FROM clock_timestamp() - min(verified_at)), 0)::float8 AS value FROM ledger_verifications`,
      ),
      one(
        'grantkeeper_ledgers_unverified',
        'Ledgers that have never been verified.',
        `SELECT count(*)::int AS value FROM heads h
         WHERE NOT EXISTS (SELECT 1 FROM ledger_verifications v WHERE v.tenant_id = h.tenant_id)`,
      ),
    ];
  }

  onModuleDestroy(): void {
    for (const gauge of this.#gauges) gauge.close();
  }
}
