import { Database } from '@grantkeeper/event-store';
import { Queues } from '@grantkeeper/queue';
import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';

/** How many days the activity of each class is kept, at least; a month is dropped when its last day is older. */
const RETENTION_DAYS = { standard: 400, tool: 90 };

const MONTHS_AHEAD = 2;
const HOUR_MS = 3_600_000;
/** How often it tries again when somebody reads what it wants to change, with a pause that grows. Then in an hour. */
const TRIES = 4;
const PAUSE_MS = 1_000;

/** Makes the coming partitions of activity and drops those past their retention, as the role that owns them. */
@Injectable()
export class ActivityRetentionJob implements OnApplicationBootstrap {
  readonly #log = new Logger('activity');

  constructor(
    private readonly database: Database,
    private readonly queues: Queues,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    this.queues.work('activity.retention', () => this.run());
    await this.queues.schedule('activity.retention', HOUR_MS);
  }

  async run(): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      const done = await this.database.retain<{ action: string; partition: string }>(
        'SELECT * FROM maintain_activity($1, $2)',
        [JSON.stringify(RETENTION_DAYS), MONTHS_AHEAD],
      );
      for (const { action, partition } of done) this.#log.log({ msg: `${action} a partition of activity`, partition });
      if (tries >= TRIES || !done.some(({ action }) => action === 'waiting')) return;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * tries));
    }
  }
}
