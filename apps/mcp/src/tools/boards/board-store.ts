import { Database } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { v7 as uuidv7 } from 'uuid';
import { type Board, type BoardSummary, MOST_BOARDS, type NewBoard } from './board.ts';

/** Whose boards: a person of a tenant, by the subject of their tokens. Nobody sees another's. */
export interface BoardOwner {
  readonly tenant: TenantId;
  readonly subject: string;
}

interface BoardRow {
  readonly board_id: string;
  readonly title: string;
  readonly description: string;
  readonly columns: Board['columns'];
  readonly created_at: Date;
}

/** The boards of people, in PostgreSQL. */
@Injectable()
export class BoardStore {
  constructor(private readonly database: Database) {}

  /** Every board of the owner, oldest first. */
  list({ tenant, subject }: BoardOwner): Promise<BoardSummary[]> {
    return this.database.asTenant(tenant, async (tx) => {
      const { rows } = await sql<BoardRow>`
        SELECT board_id, title, description, columns, created_at FROM boards
        WHERE tenant_id = ${tenant} AND owner_sub = ${subject} ORDER BY created_at, board_id`.execute(tx);
      return rows.map((row) => {
        const { id, title, description, columns, createdAt } = toBoard(row);
        return {
          id,
          title,
          description,
          columns: columns.length,
          cards: columns.flatMap(({ cards }) => cards).length,
          createdAt,
        };
      });
    });
  }

  /** The board, or undefined when the owner has none with that id. */
  find({ tenant, subject }: BoardOwner, id: string): Promise<Board | undefined> {
    return this.database.asTenant(tenant, async (tx) => {
      const { rows } = await sql<BoardRow>`
        SELECT board_id, title, description, columns, created_at FROM boards
        WHERE tenant_id = ${tenant} AND board_id = ${id} AND owner_sub = ${subject}`.execute(tx);
      return rows[0] && toBoard(rows[0]);
    });
  }

  /** Adds a board, or returns undefined when the owner has as many as anyone may have. */
  create({ tenant, subject }: BoardOwner, { title, description, columns }: NewBoard): Promise<Board | undefined> {
    const empty = columns.map((name) => ({ name, cards: [] }));
    return this.database.asTenant(tenant, async (tx) => {
      // Calls at the same time may each see room for one more: the limit guards the table, it is no promise.
      const { rows } = await sql<BoardRow>`
        INSERT INTO boards (tenant_id, board_id, owner_sub, title, description, columns)
        SELECT ${tenant}::uuid, ${uuidv7()}::uuid, ${subject}, ${title}, ${description}, ${JSON.stringify(empty)}::jsonb
        WHERE (SELECT count(*) FROM boards WHERE tenant_id = ${tenant}::uuid AND owner_sub = ${subject}) < ${MOST_BOARDS}
        RETURNING board_id, title, description, columns, created_at`.execute(tx);
      return rows[0] && toBoard(rows[0]);
    });
  }
}

function toBoard({ board_id, title, description, columns, created_at }: BoardRow): Board {
  return { id: board_id, title, description, columns, createdAt: created_at.toISOString() };
}
