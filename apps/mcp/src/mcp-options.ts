/** What the deployment decides about its hosted MCP servers. */
export class McpOptions {
  /** Web origins whose pages may call the endpoint from a browser. Every other `Origin` is refused (TR-11). */
  readonly allowedOrigins: ReadonlySet<string>;

  /** Where the revocation feed is served, or how to wait until it is. */
  readonly feedUrl: string | (() => Promise<string>);

  constructor({
    allowedOrigins = [],
    feedUrl,
  }: {
    readonly allowedOrigins?: readonly string[];
    readonly feedUrl: McpOptions['feedUrl'];
  }) {
    this.feedUrl = feedUrl;
    this.allowedOrigins = new Set(allowedOrigins);
  }
}
