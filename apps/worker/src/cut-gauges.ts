import type { Database } from '@grantkeeper/event-store';
import { Gauge } from '@grantkeeper/observability';
import type { OnModuleDestroy } from '@nestjs/common';

/** What cuts that are under way do: end or suspend links, or resume what they have suspended. */
type Doing = 'revoke' | 'suspend' | 'undo';

interface UnderWay {
  readonly doing: Doing;
  readonly cuts: number;
  readonly links: number;
  readonly seconds: number;
}

/** What `/metrics` tells of cuts that are under way, over all tenants, at the moment when it is asked. */
export class CutGauges implements OnModuleDestroy {
  readonly #gauges: readonly Gauge[];
  #asking: Promise<readonly UnderWay[]> | undefined;

  constructor(private readonly database: Database) {
    const gauge = (name: string, help: string, value: (underWay: UnderWay) => number): Gauge =>
      new Gauge(name, help, async () =>
        (await this.#underWay()).map((one) => ({ labels: { doing: one.doing }, value: value(one) })),
      );
    this.#gauges = [
      gauge('grantkeeper_cuts_under_way', 'Cuts that are being carried out or undone.', ({ cuts }) => cuts),
      gauge('grantkeeper_cut_links_left', 'Links that these have still to come to.', ({ links }) => links),
      gauge(
        'grantkeeper_cut_oldest_seconds',
        'For how long the one that was begun first has been under way.',
        ({ seconds }) => seconds,
      ),
    ];
  }

  onModuleDestroy(): void {
    for (const gauge of this.#gauges) gauge.close();
  }

  /** One look for all gauges of one reading. */
  #underWay(): Promise<readonly UnderWay[]> {
    this.#asking ??= this.#look().finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  /** Found by the state of cuts and counted by that of their links, each by its index. */
  #look(): Promise<UnderWay[]> {
    return this.database.relay<UnderWay>(
      `SELECT doing, count(c.cut_id)::int AS cuts, coalesce(sum(c.links), 0)::int AS links,
         coalesce(max(extract(epoch FROM clock_timestamp() - c.begun_at)), 0)::float8 AS seconds
       FROM unnest(ARRAY['revoke', 'suspend', 'undo']) AS doing
       LEFT JOIN (
         SELECT cut_id, CASE state WHEN 'undoing' THEN 'undo' ELSE act END AS does,
           CASE state WHEN 'undoing' THEN undo_at ELSE coalesce(decided_at, requested_at) END AS begun_at,
           (SELECT count(*) FROM cut_links l WHERE l.tenant_id = cuts.tenant_id AND l.cut_id = cuts.cut_id
             AND l.state = CASE cuts.state WHEN 'undoing' THEN 'done' ELSE 'pending' END) AS links
         FROM cuts WHERE state IN ('running', 'undoing')) c ON c.does = doing
       GROUP BY doing`,
    );
  }
}
