/**
 * The tools that a request body calls. The body and not the `Mcp-Name` header, because the body is what is dispatched;
 * 2025-era clients may put several calls into one array.
 */
export function calledTools(body: unknown): string[] {
  const messages: unknown[] = Array.isArray(body) ? body : [body];
  return messages.flatMap((message) => {
    const { method, params } = (message ?? {}) as { method?: unknown; params?: { name?: unknown } | null };
    return method === 'tools/call' && typeof params?.name === 'string' ? [params.name] : [];
  });
}

/**
 * Every scope that the calls need together, each once. No scope of ours implies another (RS-18): needing `boards:write`
 * is not covered by anything but itself.
 */
export function requiredScopes(tools: readonly string[], scopesOf: (tool: string) => readonly string[]): string[] {
  return [...new Set(tools.flatMap((tool) => scopesOf(tool)))];
}
