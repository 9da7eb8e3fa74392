import { claimsOf, OAuthClient, type TokenBody } from './clients/oauth-client.ts';
import { Person } from './clients/person.ts';
import type { RunningProduct } from './product.ts';

/** A server of the demo tenant's own, as an admin has registered it, and somebody who has linked it. */
export interface TeamServer {
  readonly issuer: string;
  readonly url: string;
  readonly resourceId: string;
  readonly point: { readonly id: string; readonly credential: string };
  /** A new link; the default scope alone unless named. */
  link(scope?: string): Promise<TokenBody>;
  /** Ends the link of a token. */
  revoke(accessToken: string): Promise<void>;
}

const SCOPES = [
  { name: 'tickets:read', description: 'See your tickets', risky: false, default: true },
  { name: 'tickets:write', description: 'Change your tickets', risky: true, default: false },
];

export async function registerTeamServer(
  product: Pick<RunningProduct, 'summary' | 'admin'>,
  url: string,
  settings: { whenUnreachable?: string; signingAlg?: string } = {},
): Promise<TeamServer> {
  const { demo } = product.summary;
  const admin = async <Body>(method: string, path: string, body: object): Promise<Body> => {
    const answer = await product.admin<Body>(method, `/tenants/${demo.tenant}${path}`, body);
    if (answer.status >= 300) throw new Error(`${path} was answered ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  const resource = await admin<{ id: string; url: string }>('POST', '/resources', {
    url,
    displayName: 'Tickets',
    scopes: SCOPES,
    ...settings,
  });
  const point = await admin<{ id: string; credential: string }>('POST', '/enforcement-points', {
    name: 'Tickets',
    resource: resource.id,
  });
  return {
    issuer: demo.issuer,
    url: resource.url,
    resourceId: resource.id,
    point,
    async link(scope = 'tickets:read') {
      const client = await OAuthClient.register(demo.issuer);
      return client.link(new Person(demo.user.email, demo.user.password), { resource: resource.url, scope });
    },
    async revoke(accessToken) {
      await admin('POST', '/revocations', {
        target: { kind: 'grant', grantId: claimsOf(accessToken)['grant_id'] },
        reason: 'a test',
      });
    },
  };
}
