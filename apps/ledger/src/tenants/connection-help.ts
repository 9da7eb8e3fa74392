/** What a person pastes where, so that a host links to the resource. */
export function connectionHelp(
  resource: string,
): Record<'chatgpt' | 'claude' | 'inspector', { paste: string; where: string }> {
  const here = ['localhost', '127.0.0.1', '[::1]'].includes(new URL(resource).hostname);
  // Hosts come from the internet, where this address is nobody.
  const outside = here ? ' Not this one: it must be an https URL that the internet can reach.' : '';
  return {
    chatgpt: {
      paste: resource,
      where: `Settings → Apps & Connectors → Advanced settings: turn on Developer mode. Then Create, paste the MCP server URL, authentication OAuth.${outside}`,
    },
    claude: {
      paste: resource,
      where: `Settings → Connectors → Add custom connector: paste the URL.${outside}`,
    },
    inspector: {
      paste: `npx @modelcontextprotocol/inspector@latest --server-url ${resource} --transport http`,
      where: `${here ? 'a terminal on this machine' : 'a terminal'}, with Node 22.19 or newer`,
    },
  };
}
