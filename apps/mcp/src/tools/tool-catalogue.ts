import { Injectable } from '@nestjs/common';
import { BoardStore } from './boards/board-store.ts';
import { boardTools } from './boards/board-tools.ts';
import type { Tool } from './tool.ts';

/** The tools of a hosted resource, in an order that never changes (TR-25). */
@Injectable()
export class ToolCatalogue {
  readonly tools: readonly Tool[];
  readonly #byName: ReadonlyMap<string, Tool>;

  constructor(boards: BoardStore) {
    this.tools = boardTools(boards);
    this.#byName = new Map(this.tools.map((tool) => [tool.name, tool]));
  }

  find(name: string): Tool | undefined {
    return this.#byName.get(name);
  }

  /** What a call needs; nothing for a tool that does not exist, since the call will fail for that reason. */
  scopesOf(name: string): readonly string[] {
    return this.#byName.get(name)?.scopes ?? [];
  }
}
