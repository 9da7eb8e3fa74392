/** What a person pastes where, so that a host links to the resource. */
export function connectionHelp(
  resource: string,
): Record<'chatgpt' | 'claude' | 'inspector', { paste: string; where: string }> {
  return {
    chatgpt: {
      paste: resource,
      where:
        'Settings → Apps & Connectors → Advanced settings: turn on Developer mode. Then Create, paste the MCP server URL, authentication OAuth.',
    },
    claude: { paste: resource, where: 'Settings → Connectors → Add custom connector: paste the URL.' },
    inspector: {
      paste: `npx @modelcontextprotocol/inspector --server-url ${resource} --transport http`,
      where: 'a terminal on this machine',
    },
  };
}
