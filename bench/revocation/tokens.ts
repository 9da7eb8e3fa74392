import { inBatches } from '../support/in-batches.ts';
import type { Tenancy } from './deployment.ts';

/** An access token and what a revocation of it alone names. */
export interface Token {
  /** `jti`. */
  readonly id: string;
  readonly token: string;
  readonly grantId: string;
  readonly familyId: string;
}

/** Tokens that a client has got for itself: one request each, no person. */
export async function mintTokens({ issuer, resource, clients }: Tenancy, count: number): Promise<Token[]> {
  let next = 0;
  return inBatches(count, async () => {
    const client = clients[next++ % clients.length]!;
    const response = await fetch(`${issuer}/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: client.id,
        client_secret: client.secret,
        resource,
      }).toString(),
    });
    const { access_token: token } = (await response.json()) as { access_token?: string };
    if (token === undefined) throw new Error(`The token endpoint answered ${response.status}.`);
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, string>;
    return { id: claims['jti']!, token, grantId: claims['grant_id']!, familyId: claims['family_id']! };
  });
}
