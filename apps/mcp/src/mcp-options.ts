/** What the deployment decides about its hosted MCP servers. */
export class McpOptions {
  /** Web origins whose pages may call the endpoint from a browser. Every other `Origin` is refused (TR-11). */
  readonly allowedOrigins: ReadonlySet<string>;

  constructor({ allowedOrigins = [] }: { readonly allowedOrigins?: readonly string[] } = {}) {
    this.allowedOrigins = new Set(allowedOrigins);
  }
}
