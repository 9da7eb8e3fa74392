/** What a tool call over plain HTTP came to. */
export interface ToolAnswer {
  readonly status: number;
  /** The error code in the challenge of a refusal. */
  readonly error: string | undefined;
  readonly challenge: string | null;
  readonly text: string;
}

/** Calls a tool in one request, as a 2025-era client without a session does. */
export async function callTool(
  resource: string,
  accessToken: string | undefined,
  tool = 'list_boards',
  args: object = {},
): Promise<ToolAnswer> {
  const response = await fetch(resource, {
    method: 'POST',
    headers: {
      ...(accessToken !== undefined && { authorization: `Bearer ${accessToken}` }),
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: tool, arguments: args } }),
  });
  const challenge = response.headers.get('www-authenticate');
  return {
    status: response.status,
    error: /error="([^"]*)"/.exec(challenge ?? '')?.[1],
    challenge,
    text: await response.text(),
  };
}
