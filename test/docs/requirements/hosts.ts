import { aboutOthers, requirements } from './requirement.ts';

/** ChatGPT and Codex. */
export const openai = requirements([
  ['OA-01', 'The MCP server has metadata; its `resource` comes back verbatim in both requests'],
  ['OA-02', '`authorization_servers` is the issuer exactly'],
  ['OA-03', '401 with `resource_metadata` and `scope`'],
  ['OA-04', 'Resource metadata may list scopes and documentation'],
  ['OA-05', 'Metadata names both endpoints and S256'],
  ['OA-06', 'Each call’s token is verified: signature, issuer, audience, expiry, scope'],
  ['OA-07', 'OpenID scopes that are advertised are asked for'],
  ['OA-08', 'By document, by dynamic registration, or predefined'],
  ['OA-09', '`iss` in every response gives one client id and one redirect URI for all connections'],
  [
    'OA-10',
    'Without it, ids and redirects differ per connection',
    aboutOthers('What would happen without `iss`; it is sent always (OA-09).'),
  ],
  ['OA-11', 'A wrong or missing `iss` is rejected'],
  ['OA-12', 'The flag is set only when it is true of all responses'],
  ['OA-13', '`id_token_hint` comes with a new authorization'],
  ['OA-14', 'UserInfo with a truthful `email_verified` lets a workspace restrict domains'],
  [
    'OA-15',
    'Client credentials, assertions as grants, API keys and mTLS are not used',
    aboutOthers('What ChatGPT does not do.'),
  ],
  ['OA-16', 'The lifetime of access tokens is ours to choose'],
  ['OA-17', 'ChatGPT’s document declares `private_key_jwt` and lists `none` too'],
  ['OA-18', 'Any method of the intersection is accepted, and no other'],
  ['OA-19', 'The assertion’s audience is the token endpoint: accepted, as is the issuer, and nothing else; `jti` once'],
  ['OA-20', 'Codex has documents of its own, with loopback redirects'],
  ['OA-21', 'ChatGPT and Codex are told apart, and recognised by host and path'],
]);

/** Claude. */
export const claude = requirements([
  ['CLD-01', 'Connectors register dynamically or by document'],
  ['CLD-02', 'The redirect URIs of claude.ai and claude.com'],
  ['CLD-03', 'The documents of Claude and of Claude Code, the latter with loopback redirects on any port'],
  ['CLD-04', 'Documents are used only where `none` is advertised'],
  ['CLD-05', 'Only the first authorization server of a resource is used'],
  ['CLD-06', '`resource` in the metadata is the URL that was typed'],
  ['CLD-07', 'S256, and `offline_access` where it is listed'],
  ['CLD-08', 'Refreshes up to 5 minutes early; a dead refresh token is 400 `invalid_grant`'],
  ['CLD-09', 'A deleted registration is 401 `invalid_client`, and Claude registers anew'],
  ['CLD-10', 'Disconnecting revokes nothing: unused links end by themselves'],
  ['CLD-11', 'Calls come from few addresses'],
  ['CLD-12', 'Ten seconds for discovery, registration and token'],
  ['CLD-13', 'Changes of role on their side take 15 minutes', aboutOthers('Of their side.')],
  ['CLD-14', 'VS Code, Cursor and Grok have documents of their own'],
]);

const LATER = (what: string): { because: string } => ({
  because: `Not offered${what}; the metadata does not say so either.`,
});

/** Other standards, and what is usually got wrong in them. */
export const standards = requirements([
  [
    'RFC-01',
    'OAuth 2.1: no revocation by an invalid replay, `redirect_uri` optional at the token endpoint, 303 after login, no CORS on authorize',
  ],
  ['RFC-02', 'The security BCP: exact redirects, PKCE, `iss`, rotation with reuse detection, audiences'],
  ['RFC-03', 'RFC 8414: three discovery URLs per issuer, the exact issuer, no empty lists'],
  ['RFC-04', 'RFC 9728: exact resource, path insertion, challenges; one document for each resource'],
  ['RFC-05', 'RFC 8707: resource in authorize, token and refresh; no widening'],
  ['RFC-06', 'RFC 9207: `iss` on success and error'],
  ['RFC-07', 'RFC 9068: `at+jwt`, its claims, and no other kind of token taken for one'],
  ['RFC-08', 'RFC 7009: for public clients too; a refresh token ends its link’s tokens; unknown tokens are 200'],
  ['RFC-09', 'RFC 7662: only for tokens of the caller’s resource; `active: false` says nothing else'],
  ['RFC-10', 'RFC 9701: a signed answer that is no access token'],
  ['RFC-11', 'RFC 7591: unknown metadata is ignored; used clients do not expire'],
  ['RFC-12', 'RFC 7592: behind the registration access token, which rotates'],
  [
    'RFC-13',
    'RFC 9126: offered, not required unless the tenant’s policy or the client says so; the URI works once, for its client',
  ],
  ['RFC-14', 'RFC 9101 and RFC 9396: signed request objects and rich authorization', LATER('')],
  ['RFC-15', 'RFC 9449: bound tokens, nonce, replay cache over all copies'],
  ['RFC-16', 'RFC 8705: certificate-bound tokens', LATER('')],
  ['RFC-17', 'RFC 8628: device grant', LATER('')],
  ['RFC-18', 'RFC 9470: `acr_values` and `max_age` are honoured; `auth_time` and `acr` in the token'],
  ['RFC-19', 'RFC 8693: token exchange', LATER(', and no token is passed on to anybody')],
  ['RFC-20', 'RFC 7523: assertions with one exact audience, replay refused, no confusion of algorithms'],
  ['RFC-21', 'OpenID Connect: UserInfo, `nonce`, `auth_time`, `max_age`, `prompt`; an ID token is no access token'],
  ['RFC-22', 'OpenID Discovery: both forms, with PKCE methods'],
  ['RFC-23', 'RP-initiated logout: exact return URI, hints that have expired, confirmation'],
  ['RFC-24', 'Back-channel logout', LATER('')],
  ['RFC-25', 'SCIM 2.0', LATER('')],
  ['RFC-26', 'Shared signals (SSF, CAEP): each tenant transmits, pushed and polled'],
  [
    'RFC-27',
    'Global token revocation by an identity provider',
    { because: 'The draft is not offered; the admin API revokes everything of a person by one call.' },
  ],
  [
    'RFC-28',
    'FAPI 2.0',
    { because: 'Its profile forbids what MCP hosts need (rotation, public clients); nothing is claimed.' },
  ],
  ['RFC-29', 'RFC 8725: types, algorithms and keys of JWTs are told apart'],
  ['RFC-30', 'Token status lists', LATER('')],
  ['RFC-31', 'RFC 6750 and RFC 9110: one well-formed challenge'],
]);
