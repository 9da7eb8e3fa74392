import { type ConsumerLag, consumerLag, consumerMetrics, type ConsumerRunner } from '@grantkeeper/consumers';
import type { Database } from '@grantkeeper/event-store';
import { Gauge } from '@grantkeeper/observability';
import type { OnModuleDestroy } from '@nestjs/common';

/** What `/metrics` tells of this worker's consumers, over all tenants, at the moment when it is asked. */
export class ConsumerGauges implements OnModuleDestroy {
  readonly #gauges: readonly Gauge[];
  #asking: Promise<readonly ConsumerLag[]> | undefined;

  constructor(
    private readonly database: Database,
    private readonly runner: ConsumerRunner,
  ) {
    // An alarm on what has never happened needs a number to begin with.
    const { consumers, generations } = runner;
    for (const { name: consumer } of [...consumers, ...generations.projections])
      for (const counter of [consumerMetrics.unknown, consumerMetrics.gaps, consumerMetrics.blocked])
        counter.add({ consumer }, 0);
    const gauge = (name: string, help: string, value: (lag: ConsumerLag) => number): Gauge =>
      new Gauge(name, help, async () =>
        (await this.#lags()).map((lag) => ({ labels: { consumer: lag.consumer }, value: value(lag) })),
      );
    this.#gauges = [
      gauge(
        'grantkeeper_consumer_lag_events',
        'Events that the tenant furthest behind has yet to see consumed.',
        ({ events }) => events,
      ),
      gauge(
        'grantkeeper_consumer_lag_seconds',
        'Age of the oldest event that is not consumed.',
        ({ seconds }) => seconds,
      ),
      gauge(
        'grantkeeper_consumer_tenants_behind',
        'Tenants with events that are not consumed.',
        ({ tenantsBehind }) => tenantsBehind,
      ),
      gauge(
        'grantkeeper_consumer_tenants_failing',
        'Tenants whose next event has failed and is tried again.',
        ({ failing }) => failing,
      ),
      new Gauge('grantkeeper_dead_letters_open', 'Events that a consumer gave up on and that are not resolved.', () =>
        this.#openLetters(),
      ),
    ];
  }

  onModuleDestroy(): void {
    for (const gauge of this.#gauges) gauge.close();
  }

  /** One look for all gauges of one reading. */
  #lags(): Promise<readonly ConsumerLag[]> {
    this.#asking ??= consumerLag(this.database, {
      consumers: this.runner.consumers.map(({ name }) => name),
      projections: this.runner.generations.projections.map(({ name }) => name),
    }).finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  async #openLetters(): Promise<{ labels: { consumer: string }; value: number }[]> {
    const rows = await this.database.relay<{ consumer: string; open: number }>(
      `SELECT wanted.consumer, count(d.seq)::int AS open FROM unnest($1::text[]) AS wanted(consumer)
       LEFT JOIN dead_letters d ON d.consumer = wanted.consumer AND d.resolved_at IS NULL GROUP BY 1`,
      [this.runner.consumers.map(({ name }) => name)],
    );
    return rows.map(({ consumer, open }) => ({ labels: { consumer }, value: open }));
  }
}
