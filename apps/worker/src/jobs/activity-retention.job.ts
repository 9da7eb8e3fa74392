import { openPool } from '@grantkeeper/event-store';
import { Logger } from '@nestjs/common';

/** How many days the activity of each class is kept, at least; a month is dropped when its last day is older. */
export interface ActivityRetention {
  readonly standard: number;
  readonly tool: number;
}

export const standardRetention: ActivityRetention = { standard: 400, tool: 90 };

const MONTHS_AHEAD = 2;

/** Makes the coming partitions of activity and drops those past their retention, as the role that owns them. */
export class ActivityRetentionJob {
  readonly #log = new Logger('activity');

  constructor(
    private readonly databaseUrl: string,
    private readonly retention: ActivityRetention = standardRetention,
  ) {}

  async run(): Promise<void> {
    const pool = openPool(this.databaseUrl, 'retention', { max: 1 });
    try {
      const { rows } = await pool.query<{ action: string; partition: string }>('SELECT * FROM maintain_activity($1, $2)', [
        JSON.stringify(this.retention),
        MONTHS_AHEAD,
      ]);
      for (const { action, partition } of rows) this.#log.log({ msg: `${action} a partition of activity`, partition });
    } finally {
      await pool.end();
    }
  }
}
