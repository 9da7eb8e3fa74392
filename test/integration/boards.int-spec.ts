import { Database } from '@grantkeeper/event-store';
import { tenantId } from '@grantkeeper/kernel';
import { sql } from 'kysely';
import { BoardStore } from '../../apps/mcp/src/tools/boards/board-store.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

const acme = tenantId('0198f2a0-0000-7000-8000-00000000000a');
const other = tenantId('0198f2a0-0000-7000-8000-00000000000b');
const newBoard = (title: string) => ({ title, description: '', columns: ['To do'] });

describe('boards', () => {
  let testDatabase: TestDatabase;
  let database: Database;
  let store: BoardStore;

  beforeAll(async () => {
    testDatabase = await createTestDatabase();
    database = new Database({ url: testDatabase.url, max: 4 });
    store = new BoardStore(database);
    for (const tenant of [acme, other]) {
      for (const subject of ['ann', 'bob']) await store.create({ tenant, subject }, newBoard(`${tenant} ${subject}`));
    }
  });
  afterAll(async () => {
    await database?.close();
    await testDatabase?.drop();
  });

  it('shows a tenant only its own rows, even to a query that forgets to ask for them', async () => {
    const titles = await database.asTenant(acme, async (tx) => {
      const { rows } = await sql<{ title: string }>`SELECT title FROM boards ORDER BY title`.execute(tx);
      return rows.map(({ title }) => title);
    });
    expect(titles).toEqual([`${acme} ann`, `${acme} bob`]);
  });

  it('shows nothing without a tenant', async () => {
    await expect(database.relay('SELECT * FROM boards')).rejects.toMatchObject({ code: '42501' });
  });

  it.each([
    ['a row of another tenant', `INSERT INTO boards VALUES ('${other}', gen_random_uuid(), 'ann', 'x', '', '[]')`],
    ['a change', `UPDATE boards SET title = 'x'`],
    ['a deletion', 'DELETE FROM boards'],
  ])('refuses %s', async (_what, statement) => {
    await expect(database.asTenant(acme, (tx) => sql.raw(statement).execute(tx))).rejects.toMatchObject({
      code: '42501',
    });
  });

  it('finds a board for its owner only', async () => {
    const [board] = await store.list({ tenant: acme, subject: 'ann' });
    expect(await store.find({ tenant: acme, subject: 'ann' }, board!.id)).toMatchObject({ title: `${acme} ann` });
    expect(await store.find({ tenant: acme, subject: 'bob' }, board!.id)).toBeUndefined();
    expect(await store.find({ tenant: other, subject: 'ann' }, board!.id)).toBeUndefined();
  });

  it('lets nobody have more than 200', async () => {
    const owner = { tenant: acme, subject: 'eager' };
    for (let n = 0; n < 200; n += 1) expect(await store.create(owner, newBoard(`${n}`))).toBeDefined();
    expect(await store.create(owner, newBoard('one more'))).toBeUndefined();
    expect(await store.list(owner)).toHaveLength(200);
    expect(await store.create({ tenant: other, subject: 'eager' }, newBoard('elsewhere'))).toBeDefined();
  });
});
