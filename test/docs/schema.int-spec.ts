import { readdirSync } from 'node:fs';
import pg from 'pg';
import ts from 'typescript';
import { inlineProjections } from '@grantkeeper/read-models';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { readRepositoryFile, sectionOf } from './documents.ts';

const SCHEMA = 'libs/event-store/src/schema';

/** A column as libs/event-store/src/schema has to write it. */
type Columns = Readonly<Record<string, string>>;

describe('the database', () => {
  let database: TestDatabase;
  let client: pg.Client;

  beforeAll(async () => {
    database = await createTestDatabase();
    client = new pg.Client({ connectionString: database.url });
    await client.connect();
  });

  afterAll(async () => {
    await client?.end();
    await database?.drop();
  });

  test('has the tables and columns of libs/event-store/src/schema, with their types', async () => {
    expect(await columnsInDatabase(client)).toEqual(columnsInSource());
  });

  test('has no table that ARCHITECTURE.md leaves out, and every one that it names', async () => {
    const storage = sectionOf(readRepositoryFile('ARCHITECTURE.md'), '## Storage');
    const named = [...storage.matchAll(/^\| `([a-z_]+)` \|/gm)].map(([, name]) => name ?? '');
    const { rows } = await client.query<{ relname: string }>(
      `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v')
         AND NOT relispartition AND relname NOT LIKE 'kysely%' ORDER BY 1`,
    );
    expect(named.sort()).toEqual(rows.map(({ relname }) => relname));
  });

  test('keeps apart what is replayed and what is not, as ARCHITECTURE.md says', () => {
    const projected = sectionOf(readRepositoryFile('ARCHITECTURE.md'), '### Inline projections');
    const named = [...projected.matchAll(/^\| `([a-z_]+)` \|/gm)].map(([, name]) => name ?? '');
    const written = inlineProjections.map(({ table }) => table as string);
    expect(named.sort()).toEqual(written.sort());
  });
});

async function columnsInDatabase(client: pg.Client): Promise<Record<string, Columns>> {
  const { rows } = await client.query<{
    table: string;
    column: string;
    type: string;
    nullable: boolean;
    defaulted: boolean;
    view: boolean;
  }>(
    `SELECT c.table_name AS table, c.column_name AS column, c.udt_name AS type,
       c.is_nullable = 'YES' AS nullable, c.column_default IS NOT NULL AS defaulted, t.table_type = 'VIEW' AS view
     FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
     WHERE c.table_schema = 'public' AND c.table_name NOT LIKE 'kysely%'
       AND NOT (SELECT relispartition FROM pg_class WHERE oid = format('public.%I', c.table_name)::regclass)
     ORDER BY c.table_name, c.ordinal_position`,
  );
  const tables: Record<string, Record<string, string>> = {};
  for (const { table, column, type, nullable, defaulted, view } of rows) {
    // Columns of a view are all nullable to PostgreSQL. What its outer part may leave out is the source's to say.
    const isNull = view
      ? ['user_id', 'ended_seq', 'revoked_at', 'revoked_because', 'admin_consent_id'].includes(column)
      : nullable;
    (tables[table] ??= {})[column] = writtenAs(type, defaulted) + (isNull ? ' | null' : '');
  }
  return tables;
}

function writtenAs(type: string, defaulted: boolean): string {
  const [plain, withDefault] = types[type] ?? [];
  if (plain === undefined) throw new Error(`The schema has no word for the type ${type}.`);
  return defaulted ? (withDefault ?? `Generated<${plain}>`) : plain;
}

const types: Readonly<Record<string, readonly [plain: string, withDefault?: string]>> = {
  uuid: ['string'],
  text: ['string'],
  // As text: a day has no time zone to lose.
  date: ['string'],
  int2: ['number'],
  int4: ['number'],
  int8: ['number'],
  bool: ['boolean'],
  bytea: ['Buffer'],
  _text: ['string[]'],
  jsonb: ['Json', 'DefaultedJson'],
  timestamptz: ['Timestamp', 'DefaultedTimestamp'],
};

function columnsInSource(): Record<string, Columns> {
  const interfaces = new Map<string, Columns>();
  const parts = new Map<string, string[]>();
  for (const file of readdirSync(new URL(`../../${SCHEMA}/`, import.meta.url)).sort()) {
    const path = `${SCHEMA}/${file}`;
    const source = ts.createSourceFile(path, readRepositoryFile(path), ts.ScriptTarget.Latest, true);
    for (const statement of source.statements.filter(ts.isInterfaceDeclaration)) {
      const members = statement.members
        .filter(ts.isPropertySignature)
        .map((member) => [member.name.getText(), member.type?.getText() ?? '']);
      interfaces.set(statement.name.text, Object.fromEntries(members) as Columns);
      const extended = (statement.heritageClauses ?? []).flatMap(({ types: named }) => [...named]);
      parts.set(
        statement.name.text,
        extended.map((type) => type.getText()),
      );
    }
  }
  // `Schema` is the sum of what each subject has; a file that it leaves out is found missing.
  const tables = ['Schema', ...(parts.get('Schema') ?? [])].flatMap((name) =>
    Object.entries(interfaces.get(name) ?? {}),
  );
  return Object.fromEntries(tables.map(([table, row]) => [table, interfaces.get(row) ?? {}]));
}
