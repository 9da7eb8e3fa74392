import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';
import pg from 'pg';
import { postgresAdapter, TABLE } from './adapter.ts';
import { Interactions } from './interactions.ts';

const RESOURCE = 'https://mcp.example/mcp';
const DAY = 86_400;

/** `oidc-provider` with the settings of a tenant of ours: DATABASE_URL and PORT in, one line out when it listens. */
const pool = new pg.Pool({ connectionString: process.env['DATABASE_URL'], max: 20 });
await pool.query(TABLE);
const port = Number(process.env['PORT']);
const jwk = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });

const provider = new Provider(`http://127.0.0.1:${port}`, {
  adapter: postgresAdapter(pool),
  jwks: { keys: [{ ...jwk, kid: 'bench', alg: 'ES256', use: 'sig' }] },
  cookies: { keys: [randomBytes(32).toString('base64url')] },
  clientDefaults: { id_token_signed_response_alg: 'ES256' },
  findAccount: (_ctx, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
  pkce: { required: () => true },
  rotateRefreshToken: true,
  issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  ttl: {
    AccessToken: 600,
    AuthorizationCode: 60,
    Grant: 90 * DAY,
    Interaction: 600,
    RefreshToken: 30 * DAY,
    Session: DAY / 2,
  },
  features: {
    devInteractions: { enabled: false },
    // As ours does: no registration access token.
    registration: { enabled: true, issueRegistrationAccessToken: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => RESOURCE,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: 'boards:read boards:write',
        audience: RESOURCE,
        accessTokenTTL: 600,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
});

provider.on('server_error', (_ctx, error) => console.error(error));

const interactions = new Interactions(provider);
const protocol = provider.callback();
createServer((request, response) => {
  if (request.url?.startsWith('/interaction/')) void interactions.answer(request, response);
  else void protocol(request, response);
}).listen(port, '127.0.0.1', () => console.log('listening'));

process.on('SIGTERM', () => process.exit(0));
