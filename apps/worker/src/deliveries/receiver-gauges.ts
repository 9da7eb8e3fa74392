import { deliveryMetrics, type DeliveryPump } from '@grantkeeper/deliveries';
import type { Database } from '@grantkeeper/event-store';
import { Gauge } from '@grantkeeper/observability';
import type { OnModuleDestroy } from '@nestjs/common';

interface Lag {
  kind: string;
  receivers: number;
  behind: number;
  failing: number;
  events: number;
  seconds: number;
}

/** What `/metrics` tells of receivers of events, over all tenants, by kind, at the moment when it is asked. */
export class ReceiverGauges implements OnModuleDestroy {
  readonly #gauges: readonly Gauge[];
  #asking: Promise<readonly Lag[]> | undefined;

  constructor(
    private readonly database: Database,
    private readonly pump: DeliveryPump,
  ) {
    // An alarm on what has never happened needs a number to begin with.
    for (const { kind } of pump.outlets)
      for (const counter of [deliveryMetrics.givenUp, deliveryMetrics.disabled, deliveryMetrics.stopped])
        counter.add({ kind }, 0);
    const gauge = (name: string, help: string, value: (lag: Lag) => number): Gauge =>
      new Gauge(name, help, async () =>
        (await this.#lags()).map((lag) => ({ labels: { kind: lag.kind }, value: value(lag) })),
      );
    this.#gauges = [
      gauge('grantkeeper_receivers', 'Receivers of events.', ({ receivers }) => receivers),
      gauge('grantkeeper_receivers_behind', 'Receivers that have something to be told now.', ({ behind }) => behind),
      gauge(
        'grantkeeper_receivers_failing',
        'Receivers that do not take what they are told.',
        ({ failing }) => failing,
      ),
      gauge(
        'grantkeeper_receiver_lag_events',
        'Positions or messages that the receiver furthest behind has yet to be brought over, disabled ones aside.',
        ({ events }) => events,
      ),
      gauge(
        'grantkeeper_receiver_failing_seconds',
        'For how long the receiver that has been failing longest takes nothing.',
        ({ seconds }) => seconds,
      ),
      new Gauge(
        'grantkeeper_delivery_dead_letters_open',
        'Messages to receivers that were put aside and that are not resolved.',
        async () => this.#openLetters(),
      ),
    ];
  }

  onModuleDestroy(): void {
    for (const gauge of this.#gauges) gauge.close();
  }

  /** One look for all gauges of one reading. */
  #lags(): Promise<readonly Lag[]> {
    this.#asking ??= this.#look().finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  async #look(): Promise<readonly Lag[]> {
    return Promise.all(
      this.pump.outlets.map(async ({ kind, behind, lag }) => {
        const [counts] = await this.database.relay<Omit<Lag, 'kind'>>(
          `SELECT count(*)::int AS receivers, (count(*) FILTER (WHERE b.receiver_id IS NOT NULL))::int AS behind,
             (count(*) FILTER (WHERE c.failing_since_at IS NOT NULL))::int AS failing,
             coalesce(max((${lag})) FILTER (WHERE b.receiver_id IS NOT NULL), 0)::int AS events,
             coalesce(max(extract(epoch FROM clock_timestamp() - c.failing_since_at)), 0)::float8 AS seconds
           FROM receiver_cursors c JOIN heads h ON h.tenant_id = c.tenant_id
           LEFT JOIN (${behind}) b ON b.tenant_id = c.tenant_id AND b.receiver_id = c.receiver_id
           WHERE c.receiver_kind = $1`,
          [kind],
        );
        return { kind, ...counts! };
      }),
    );
  }

  async #openLetters(): Promise<{ labels: { kind: string }; value: number }[]> {
    const rows = await this.database.relay<{ kind: string; open: number }>(
      `SELECT wanted.kind, count(d.seq)::int AS open FROM unnest($1::text[]) AS wanted(kind)
       LEFT JOIN dead_letters d ON starts_with(d.consumer, wanted.kind || '-') AND d.resolved_at IS NULL GROUP BY 1`,
      [this.pump.outlets.map(({ kind }) => kind)],
    );
    return rows.map(({ kind, open }) => ({ labels: { kind }, value: open }));
  }
}
