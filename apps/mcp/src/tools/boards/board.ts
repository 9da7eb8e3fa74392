import { z } from 'zod';

/** How many boards one person may have; listing them all stays one short answer. */
export const MOST_BOARDS = 200;
const MOST_COLUMNS = 12;

const line = (max: number): z.ZodString => z.string().trim().min(1).max(max);

export const boardId = z.uuid().describe('The id of a board, as list_boards returns it.');

const card = z.object({ id: z.uuid(), title: z.string(), note: z.string() });
const column = z.object({ name: z.string(), cards: z.array(card) });

export const boardSummary = z.object({
  id: boardId,
  title: z.string(),
  description: z.string(),
  columns: z.number().int().describe('How many columns the board has.'),
  cards: z.number().int().describe('How many cards are on the board.'),
  createdAt: z.iso.datetime(),
});
export type BoardSummary = z.infer<typeof boardSummary>;

export const board = z.object({
  id: boardId,
  title: z.string(),
  description: z.string(),
  columns: z.array(column),
  createdAt: z.iso.datetime(),
});
export type Board = z.infer<typeof board>;

export const newBoard = z.strictObject({
  title: line(120).describe('What the board is called.'),
  description: z.string().trim().max(2000).default('').describe('What the board is for.'),
  columns: z
    .array(line(60))
    .min(1)
    .max(MOST_COLUMNS)
    .refine((names) => new Set(names).size === names.length, 'Every column needs a name of its own.')
    .default(['To do', 'Doing', 'Done'])
    .describe('The names of the columns, from left to right.'),
});
export type NewBoard = z.infer<typeof newBoard>;
