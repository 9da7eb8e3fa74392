import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Controller, Get, Header, Module, type OnModuleDestroy } from '@nestjs/common';
import { sharedAnswer } from './shared-answer.ts';

const counters = new Map<string, Counter>();
const gauges = new Set<Gauge>();

export type Labels = Readonly<Record<string, string>>;

/** A number that only grows, per set of labels. Its name is unique in the process; label values come from a small set. */
export class Counter {
  readonly #values = new Map<string, number>();

  constructor(
    readonly name: string,
    readonly help: string,
  ) {
    if (!/^[a-z][a-z0-9_]*_total$/.test(name)) throw new TypeError(`${name} is not the name of a counter.`);
    if (counters.has(name)) throw new TypeError(`There is a counter ${name} already.`);
    counters.set(name, this);
  }

  add(labels: Labels = {}, by = 1): void {
    const key = labelText(labels);
    this.#values.set(key, (this.#values.get(key) ?? 0) + by);
  }

  /** In the Prometheus text format. */
  render(): string {
    const lines = [...this.#values].map(([labels, value]) => `${this.name}${labels && `{${labels}}`} ${value}`);
    return [`# HELP ${this.name} ${this.help}`, `# TYPE ${this.name} counter`, ...lines].join('\n');
  }
}

const GAUGE_TIMEOUT_MS = 2_000;

/** Numbers that are asked for when metrics are read, until `close`. One that cannot be told in time is left out. */
export class Gauge {
  readonly #read: () => Promise<readonly { readonly labels: Labels; readonly value: number }[]>;

  constructor(
    readonly name: string,
    readonly help: string,
    read: () => Promise<readonly { readonly labels: Labels; readonly value: number }[]>,
  ) {
    if (!/^[a-z][a-z0-9_]*$/.test(name)) throw new TypeError(`${name} is not the name of a gauge.`);
    this.#read = sharedAnswer(read);
    gauges.add(this);
  }

  close(): void {
    gauges.delete(this);
  }

  /** The samples in the Prometheus text format. */
  async lines(): Promise<string[]> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error('late')), GAUGE_TIMEOUT_MS);
    });
    try {
      const samples = await Promise.race([this.#read(), late]);
      return samples.map(
        ({ labels, value }) => `${this.name}${Object.keys(labels).length > 0 ? `{${labelText(labels)}}` : ''} ${value}`,
      );
    } catch {
      return [];
    } finally {
      clearTimeout(timer);
    }
  }
}

async function renderGauges(): Promise<string[]> {
  // Where two apps of one process have the same gauge, its name may still be declared only once.
  const byName = Map.groupBy(gauges, ({ name }) => name);
  return Promise.all(
    [...byName].map(async ([name, same]) => {
      const lines = await Promise.all(same.map((each) => each.lines()));
      return [`# HELP ${name} ${same[0]?.help ?? ''}`, `# TYPE ${name} gauge`, ...new Set(lines.flat())].join('\n');
    }),
  );
}

function labelText(labels: Labels): string {
  return Object.entries(labels)
    .map(
      ([label, value]) => `${label}="${value.replaceAll(/[\\"\n]/g, (char) => (char === '\n' ? '\\n' : `\\${char}`))}"`,
    )
    .join(',');
}

/** `/metrics`, in the Prometheus text format: this process, every {@link Counter} and every {@link Gauge}. */
@Controller('metrics')
export class MetricsController implements OnModuleDestroy {
  readonly #eventLoopDelay = monitorEventLoopDelay({ resolution: 20 });

  constructor() {
    this.#eventLoopDelay.enable();
  }

  onModuleDestroy(): void {
    this.#eventLoopDelay.disable();
  }

  @Get()
  @Header('Content-Type', 'text/plain; version=0.0.4; charset=utf-8')
  @Header('Cache-Control', 'no-store')
  async metrics(): Promise<string> {
    const delay = this.#eventLoopDelay.percentile(99) / 1e9;
    this.#eventLoopDelay.reset();
    const own = [
      gauge('process_uptime_seconds', 'Seconds since the process started.', process.uptime()),
      gauge('process_resident_memory_bytes', 'Resident memory.', process.memoryUsage.rss()),
      gauge('nodejs_eventloop_delay_p99_seconds', 'Delay of the event loop since the last reading.', delay),
    ];
    return [...own, ...(await renderGauges()), ...[...counters.values()].map((counter) => counter.render()), ''].join(
      '\n',
    );
  }
}

function gauge(name: string, help: string, value: number): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${name} ${Number.isFinite(value) ? value : 0}`;
}

@Module({ controllers: [MetricsController] })
export class MetricsModule {}
