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

/**
 * Calls until the server refuses the token, as it must within two seconds of a revocation that has been answered: the
 * feed needs a moment to an enforcement point. Answers the
 * last call, whatever it came to.
 */
export async function refusedCall(resource: string, token: string): Promise<ToolAnswer> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const answer = await callTool(resource, token);
    if (answer.status === 401 || Date.now() > deadline) return answer;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
