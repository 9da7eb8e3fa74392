import { StartupError } from '@grantkeeper/platform';
import pg from 'pg';

/** The epoch of the revocation feed. No service may change it: the database's owner does, on a connection of its own. */
export class FeedEpoch {
  private constructor(private readonly client: pg.Client) {}

  /** Rejects with {@link StartupError} when the login of `url` may not change it, before anything has been done. */
  static async open(url: string): Promise<FeedEpoch> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const { rows } = await client.query<{ may: boolean }>(
      `SELECT has_column_privilege('feed_head', 'epoch', 'UPDATE') AS may`,
    );
    if (rows[0]?.may) return new FeedEpoch(client);
    await client.end();
    throw new StartupError(
      'This login may not begin an epoch of the feed. Give MIGRATION_DATABASE_URL with the role that owns the database.',
    );
  }

  /** Points then read the feed anew, and learn the epochs of all ledgers. */
  async begin(epoch: number): Promise<void> {
    await this.client.query('UPDATE feed_head SET epoch = $1 WHERE epoch < $1', [epoch]);
    await this.client.query(`SELECT pg_notify('grantkeeper_feed', '')`);
  }

  async close(): Promise<void> {
    await this.client.end();
  }
}
