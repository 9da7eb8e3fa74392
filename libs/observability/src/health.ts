import {
  Controller,
  type DynamicModule,
  Get,
  Header,
  Inject,
  Module,
  ServiceUnavailableException,
} from '@nestjs/common';

/** One thing without which this process must get no requests. `check` resolves when it is there. */
export interface ReadinessCheck {
  readonly name: string;
  check(): Promise<unknown>;
}

const CHECKS = Symbol('readiness checks');
const CHECK_TIMEOUT_MS = 2_000;

/** `/health/live`: the process runs. `/health/ready`: everything it needs answers; 503 with the names of what does not. */
@Controller('health')
export class HealthController {
  constructor(@Inject(CHECKS) private readonly checks: readonly ReadinessCheck[]) {}

  @Get('live')
  @Header('Cache-Control', 'no-store')
  live(): { status: string } {
    return { status: 'live' };
  }

  @Get('ready')
  @Header('Cache-Control', 'no-store')
  async ready(): Promise<{ status: string }> {
    const answers = await Promise.all(
      this.checks.map(async (check) => ({ name: check.name, ready: await passes(check) })),
    );
    const missing = answers.filter(({ ready }) => !ready).map(({ name }) => name);
    if (missing.length > 0) throw new ServiceUnavailableException({ status: 'not ready', missing });
    return { status: 'ready' };
  }
}

/** Health answers for one Nest application: register it once, also where several apps share a process. */
@Module({})
export class HealthModule {
  static register(checks: readonly ReadinessCheck[]): DynamicModule {
    return {
      module: HealthModule,
      controllers: [HealthController],
      providers: [{ provide: CHECKS, useValue: checks }],
    };
  }
}

async function passes(check: ReadinessCheck): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), CHECK_TIMEOUT_MS);
  });
  try {
    return await Promise.race([check.check().then(() => true), late]);
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}
