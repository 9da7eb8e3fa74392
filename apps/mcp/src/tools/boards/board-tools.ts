import { z } from 'zod';
import type { Caller } from '../../access/caller.ts';
import { defineTool, type Tool, ToolFailure } from '../tool.ts';
import { board, boardId, boardSummary, MOST_BOARDS, newBoard } from './board.ts';
import type { BoardOwner, BoardStore } from './board-store.ts';

const reading = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false };

/** The tools of the *boards* server. */
export function boardTools(boards: BoardStore): readonly Tool[] {
  return [
    defineTool({
      name: 'list_boards',
      title: 'List boards',
      description: 'Lists the boards of the signed-in person, oldest first, with how many columns and cards each has.',
      scopes: ['boards:read'],
      annotations: reading,
      input: z.strictObject({}),
      output: z.object({ boards: z.array(boardSummary) }),
      run: async (caller) => ({ boards: await boards.list(ownerOf(caller)) }),
    }),
    defineTool({
      name: 'get_board',
      title: 'Open a board',
      description: 'Returns one board of the signed-in person with its columns and cards.',
      scopes: ['boards:read'],
      annotations: reading,
      input: z.strictObject({ id: boardId }),
      output: z.object({ board }),
      run: async (caller, { id }) => {
        const found = await boards.find(ownerOf(caller), id);
        if (found === undefined) throw new ToolFailure('There is no board with this id. list_boards shows the ids.');
        return { board: found };
      },
    }),
    defineTool({
      name: 'create_board',
      title: 'Create a board',
      description: 'Creates an empty board for the signed-in person. Calling it twice creates two boards.',
      scopes: ['boards:write'],
      annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
      input: newBoard,
      output: z.object({ board }),
      run: async (caller, input) => {
        const created = await boards.create(ownerOf(caller), input);
        if (created === undefined)
          throw new ToolFailure(`A person may have ${MOST_BOARDS} boards; there is no room for another.`);
        return { board: created };
      },
    }),
  ];
}

function ownerOf({ claims, resource }: Caller): BoardOwner {
  return { tenant: resource.tenant, subject: claims.subject };
}
