import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Controller, Get, Header, Module, type OnModuleDestroy } from '@nestjs/common';

const counters = new Map<string, Counter>();

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

  add(labels: Readonly<Record<string, string>> = {}, by = 1): void {
    const key = Object.entries(labels)
      .map(
        ([label, value]) =>
          `${label}="${value.replaceAll(/[\\"\n]/g, (char) => (char === '\n' ? '\\n' : `\\${char}`))}"`,
      )
      .join(',');
    this.#values.set(key, (this.#values.get(key) ?? 0) + by);
  }

  /** In the Prometheus text format. */
  render(): string {
    const lines = [...this.#values].map(([labels, value]) => `${this.name}${labels && `{${labels}}`} ${value}`);
    return [`# HELP ${this.name} ${this.help}`, `# TYPE ${this.name} counter`, ...lines].join('\n');
  }
}

/** `/metrics`, in the Prometheus text format: this process and every {@link Counter}. */
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
  metrics(): string {
    const delay = this.#eventLoopDelay.percentile(99) / 1e9;
    this.#eventLoopDelay.reset();
    const gauges = [
      gauge('process_uptime_seconds', 'Seconds since the process started.', process.uptime()),
      gauge('process_resident_memory_bytes', 'Resident memory.', process.memoryUsage.rss()),
      gauge('nodejs_eventloop_delay_p99_seconds', 'Delay of the event loop since the last reading.', delay),
    ];
    return [...gauges, ...[...counters.values()].map((counter) => counter.render()), ''].join('\n');
  }
}

function gauge(name: string, help: string, value: number): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${name} ${Number.isFinite(value) ? value : 0}`;
}

@Module({ controllers: [MetricsController] })
export class MetricsModule {}
