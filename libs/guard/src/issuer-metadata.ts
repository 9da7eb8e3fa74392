import { serviceUrl } from './service-url.ts';

/** What an enforcement point needs of its issuer's metadata (RFC 8414). */
export interface IssuerMetadata {
  readonly jwksUri: string;
  readonly introspectionEndpoint: string;
  /** Where the revocation feed is served. */
  readonly feedUrl: string;
}

/** The issuer is not one, or not the one that was named: waiting does not mend it. */
export class WrongIssuer extends Error {
  override readonly name = 'WrongIssuer';
}

/** Where the metadata of `issuer` is: the path-inserted form of RFC 8414 §3.1. */
export function issuerMetadataUrl(issuer: string): string {
  const { origin, pathname } = new URL(issuer);
  return `${origin}/.well-known/oauth-authorization-server${pathname.replace(/\/$/, '')}`;
}

/** Reads it. Rejects with {@link WrongIssuer}, or with what kept it from an answer. */
export async function readIssuerMetadata(
  issuer: string,
  fetchIt: typeof fetch,
  timeoutMs: number,
): Promise<IssuerMetadata> {
  const url = issuerMetadataUrl(issuer);
  const response = await fetchIt(url, { redirect: 'error', signal: AbortSignal.timeout(timeoutMs) });
  if (!response.ok) {
    await response.body?.cancel();
    if (response.status === 404) throw new WrongIssuer(`There is no issuer at ${url}.`);
    throw new Error(`${url} answered ${response.status}.`);
  }
  const metadata = (await response.json()) as Record<string, unknown>;
  // RFC 8414 §3.3: or somebody else speaks for it.
  if (metadata['issuer'] !== issuer)
    throw new WrongIssuer(`${url} is the metadata of ${JSON.stringify(metadata['issuer'])}.`);
  if (metadata['grantkeeper_revocation_feed'] === undefined)
    throw new WrongIssuer(`${issuer} announces no revocation feed.`);
  return {
    jwksUri: serviceUrl('jwks_uri', metadata['jwks_uri']),
    introspectionEndpoint: serviceUrl('introspection_endpoint', metadata['introspection_endpoint']),
    feedUrl: serviceUrl('grantkeeper_revocation_feed', metadata['grantkeeper_revocation_feed']),
  };
}
