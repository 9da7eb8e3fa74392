import { join } from 'node:path';
import { StartupError } from '@grantkeeper/platform';

/** Where the deployment is told to be, and where it keeps its data. */
interface Addresses {
  readonly authUrl: string;
  readonly mcpUrl: string;
  readonly dataDir: string;
}

/** Throws {@link StartupError} when the URLs that were made once, for ever, would lead nowhere with these settings. */
export function checkAddresses(made: { readonly issuer: string; readonly resource: string }, now: Addresses): void {
  const issuer = new URL(made.issuer);
  const resource = new URL(made.resource);
  if (issuer.origin === new URL(now.authUrl).origin && resource.origin === new URL(now.mcpUrl).origin) return;
  const { host, port } = new URL(now.authUrl);
  throw new StartupError(
    `The URLs in ${now.dataDir} were made for ${issuer.origin}, for ever, and would lead nowhere. Start it with ${settingsFor(issuer, resource)}, or make a new deployment with GRANTKEEPER_DATA_DIR=${join(now.dataDir, port || host)}.`,
  );
}

function settingsFor(issuer: URL, resource: URL): string {
  const { origin, protocol, hostname, port } = issuer;
  if (protocol === 'http:' && hostname === 'localhost' && resource.origin === origin)
    return `PORT=${port || 80} and without AUTH_URL, MCP_URL and ADMIN_URL`;
  return `AUTH_URL=${origin} MCP_URL=${resource.origin} and the ADMIN_URL of before`;
}
