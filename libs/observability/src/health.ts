import { Controller, type DynamicModule, Get, Header, Inject, Module, Res } from '@nestjs/common';
import { sharedAnswer } from './shared-answer.ts';

/** One thing without which this process must get no requests. `check` resolves when it is there. */
export interface ReadinessCheck {
  readonly name: string;
  check(): Promise<unknown>;
}

/** Something that is told beside readiness, and that makes the process unready only when it says so itself. */
export interface ReadinessReport {
  readonly name: string;
  report(): Promise<{ readonly ready: boolean; readonly detail: unknown }>;
}

const CHECKS = Symbol('readiness checks');
const REPORTS = Symbol('readiness reports');
const CHECK_TIMEOUT_MS = 2_000;

interface Readiness {
  readonly ready: boolean;
  readonly body: Readonly<Record<string, unknown>>;
}

/** `/health/live`: the process runs. `/health/ready`: everything it needs answers; 503 with the names of what does not. */
@Controller('health')
export class HealthController {
  readonly #checks: readonly ReadinessCheck[];
  readonly #reports: readonly ReadinessReport[];
  // Anyone may ask, and the answer costs queries on the connections that tenants are found by.
  readonly #readiness = sharedAnswer(() => this.#look());

  constructor(@Inject(CHECKS) checks: readonly ReadinessCheck[], @Inject(REPORTS) reports: readonly ReadinessReport[]) {
    // One that is late, and so has been answered for, is still under way: it is not begun a second time either.
    this.#checks = checks.map((check) => ({ name: check.name, check: sharedAnswer(async () => check.check()) }));
    this.#reports = reports.map((report) => ({ name: report.name, report: sharedAnswer(async () => report.report()) }));
  }

  @Get('live')
  @Header('Cache-Control', 'no-store')
  live(): { status: string } {
    return { status: 'live' };
  }

  @Get('ready')
  @Header('Cache-Control', 'no-store')
  async ready(@Res({ passthrough: true }) reply: { status(code: number): unknown }): Promise<Readiness['body']> {
    const { ready, body } = await this.#readiness();
    // Not by an exception: the filters of a service make a server error of it, and a line in the log.
    if (!ready) reply.status(503);
    return body;
  }

  async #look(): Promise<Readiness> {
    const [answers, reports] = await Promise.all([
      Promise.all(this.#checks.map(async (check) => ({ name: check.name, ready: await passes(check) }))),
      Promise.all(this.#reports.map(async (report) => ({ name: report.name, ...(await told(report)) }))),
    ]);
    const details = Object.fromEntries(reports.map(({ name, detail }) => [name, detail]));
    const missing = [...answers, ...reports].filter(({ ready }) => !ready).map(({ name }) => name);
    const ready = missing.length === 0;
    return { ready, body: ready ? { status: 'ready', ...details } : { status: 'not ready', missing, ...details } };
  }
}

/** Health answers for one Nest application: register it once, also where several apps share a process. */
@Module({})
export class HealthModule {
  static register(checks: readonly ReadinessCheck[], reports: readonly ReadinessReport[] = []): DynamicModule {
    return {
      module: HealthModule,
      controllers: [HealthController],
      providers: [
        { provide: CHECKS, useValue: checks },
        { provide: REPORTS, useValue: reports },
      ],
    };
  }
}

function passes(check: ReadinessCheck): Promise<boolean> {
  return inTime(async () => {
    await check.check();
    return true;
  }, false);
}

/** A report that cannot be made in time says nothing about readiness: what it is made of has checks of its own. */
function told(report: ReadinessReport): Promise<{ ready: boolean; detail: unknown }> {
  return inTime(() => report.report(), { ready: true, detail: 'unknown' });
}

async function inTime<Answer>(work: () => Promise<Answer>, otherwise: Answer): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Answer>((resolve) => {
    timer = setTimeout(() => resolve(otherwise), CHECK_TIMEOUT_MS);
  });
  try {
    return await Promise.race([work(), late]);
  } catch {
    return otherwise;
  } finally {
    clearTimeout(timer);
  }
}
