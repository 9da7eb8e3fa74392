import { classifyClientId } from './client-id.ts';
import { KNOWN_SOFTWARE, provenSoftware } from './known-software.ts';
import { redirectHost } from './redirect-uri.ts';

/** How people and admins are told which client it is. */
export interface ClientDisplay {
  readonly name: string;
  /**
   * The name can be relied on: an admin has given it, or the hosts of the client prove that it is known software. A name
   * that a registration or a document has chosen is shown as such (OAuth 2.1 §7.9, DCR-09).
   */
  readonly nameVerified: boolean;
  /** The entry of the catalogue that the client is proven to be. */
  readonly software: string | null;
  readonly publisher: string | null;
  /** The host that serves the client's metadata document. */
  readonly verifiedHost: string | null;
  readonly redirectHosts: readonly string[];
}

/** What is shown of a client, as `kind` came to be known. */
export function clientDisplay(client: {
  readonly clientId: string;
  readonly kind: string;
  readonly metadata: unknown;
}): ClientDisplay {
  const { clientId, kind } = client;
  // Also of versions that were recorded long ago.
  const { client_name, redirect_uris } = (client.metadata ?? {}) as { client_name?: unknown; redirect_uris?: unknown };
  const redirects = Array.isArray(redirect_uris)
    ? redirect_uris.filter((uri) => typeof uri === 'string' && URL.canParse(uri))
    : [];
  const claimed = typeof client_name === 'string' && client_name !== '' ? client_name : clientId;
  const registered = kind === 'registered';
  const software = registered ? undefined : provenSoftware(clientId, redirects);
  return {
    name: software?.name ?? claimed,
    nameVerified: registered || software !== undefined,
    software: software?.id ?? null,
    publisher: software?.publisher ?? null,
    verifiedHost: classifyClientId(clientId) === 'metadata_document' ? new URL(clientId).host : null,
    redirectHosts: [...new Set(redirects.map(redirectHost))].sort(),
  };
}

/** The name of an entry of the catalogue. */
export function softwareName(id: string): string | undefined {
  return KNOWN_SOFTWARE.find((software) => software.id === id)?.name;
}
