import { classifyClientId } from './client-id.ts';
import type { ClientMetadata } from './client-metadata.ts';
import { redirectHost } from './redirect-uri.ts';

/**
 * What the rules of a tenant may name a client by, each as `kind:value`: its id; every host (or private-use scheme) to
 * which it may send people back; the host of its metadata document, which publishes it; the `software_id` that it claims.
 */
export function clientSubjects(
  clientId: string,
  metadata: Pick<ClientMetadata, 'redirect_uris' | 'software_id'>,
): readonly string[] {
  const hosts = new Set(metadata.redirect_uris.map(redirectHost));
  return [
    `client:${clientId}`,
    ...[...hosts].sort().map((host) => `host:${host}`),
    ...(classifyClientId(clientId) === 'metadata_document' ? [`publisher:${new URL(clientId).host}`] : []),
    ...(metadata.software_id === undefined ? [] : [`software:${metadata.software_id}`]),
  ];
}
