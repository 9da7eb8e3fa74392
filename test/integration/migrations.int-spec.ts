import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import pg from 'pg';
import { migrateToLatest } from '../../db/migrate.ts';
import { MigrationChanged } from '../../db/migration-texts.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

jest.setTimeout(60_000);

describe('a database that is migrated again', () => {
  let database: TestDatabase;
  let owner: pg.Client;
  beforeAll(async () => {
    database = await createTestDatabase();
    owner = new pg.Client({ connectionString: database.url });
    await owner.connect();
  });
  afterAll(async () => {
    await owner.end();
    await database.drop();
  });

  test('is left as it is, by several processes at once too', async () => {
    await expect(Promise.all([1, 2, 3].map(() => migrateToLatest(database.url)))).resolves.toEqual([[], [], []]);
  });

  test('is refused when it was made by migrations that read otherwise', async () => {
    await owner.query(`UPDATE schema_history.digests SET digest = 'another' WHERE name = '0004_append'`);
    await expect(migrateToLatest(database.url)).rejects.toThrow(new MigrationChanged('0004_append'));
  });

  test('is refused when it was made before their texts were noted', async () => {
    await owner.query('DROP SCHEMA schema_history CASCADE');
    await expect(migrateToLatest(database.url)).rejects.toThrow(MigrationChanged);
  });
});
