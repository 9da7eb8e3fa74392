import type { CallToolResult, ToolAnnotations } from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { Caller } from '../access/caller.ts';

/** A refusal that the model may read and act on: it becomes a result with `isError`. */
export class ToolFailure extends Error {
  override readonly name = 'ToolFailure';
}

/** A tool as it is written: every hint is decided, none is left to a default (OA-40). */
export interface ToolDefinition<Input extends z.ZodType, Output extends z.ZodType> {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** All scopes that a call needs. */
  readonly scopes: readonly string[];
  readonly annotations: Required<
    Pick<ToolAnnotations, 'readOnlyHint' | 'destructiveHint' | 'idempotentHint' | 'openWorldHint'>
  >;
  readonly input: Input;
  readonly output: Output;
  /** Throws `ToolFailure` for what the model can do something about. */
  run(caller: Caller, input: z.output<Input>): Promise<z.input<Output>>;
}

/** A tool as it is listed and called. */
export interface Tool {
  readonly name: string;
  readonly scopes: readonly string[];
  readonly descriptor: ToolDescriptor;
  call(caller: Caller, input: unknown): Promise<CallToolResult>;
}

export type ToolDescriptor = ReturnType<typeof describe>;

/** Makes a definition callable: input and output are checked against their schemas. */
export function defineTool<Input extends z.ZodType, Output extends z.ZodType>(
  definition: ToolDefinition<Input, Output>,
): Tool {
  const { name, scopes, input, output } = definition;
  return {
    name,
    scopes,
    descriptor: describe(definition),
    async call(caller, raw) {
      const parsed = input.safeParse(raw ?? {});
      if (!parsed.success) throw new ToolFailure(`These arguments do not fit:\n${z.prettifyError(parsed.error)}`);
      const structuredContent = output.parse(await definition.run(caller, parsed.data)) as Record<string, unknown>;
      // The text repeats the structure for clients that do not read structured content.
      return { structuredContent, content: [{ type: 'text', text: JSON.stringify(structuredContent) }] };
    },
  };
}

function describe(definition: ToolDefinition<z.ZodType, z.ZodType>) {
  const { name, title, description, scopes, annotations, input, output } = definition;
  // Twice, because some hosts read only `_meta` (OA-24, OA-25). A declaration; what enforces it is the access guard.
  const securitySchemes = [{ type: 'oauth2', scopes }];
  return {
    name,
    title,
    description,
    inputSchema: { type: 'object' as const, ...jsonSchema(input, 'input') },
    outputSchema: { type: 'object' as const, ...jsonSchema(output, 'output') },
    annotations: { title, ...annotations },
    securitySchemes,
    _meta: { securitySchemes },
  };
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Record<string, unknown> {
  const { type: _, ...rest } = z.toJSONSchema(schema, { io });
  return rest;
}
