/** Tests that show a requirement without naming it, as `file › title`. */
export const shownBy: Readonly<Record<string, readonly string[]>> = {
  'AS-01': [
    'client-authentication.e2e-spec.ts › takes a secret by either way from a client with %s',
    'openid-client.e2e-spec.ts › openid-client, a client with %s that discovers by %s',
  ],
  'AS-02': [
    'client-id-metadata-document.spec.ts › takes a document of draft -00: three fields, a public client (CIMD-07)',
  ],
  'AS-03': [
    'registration.e2e-spec.ts › echoes what was registered, with what was filled in, and nothing else (DCR-05)',
  ],
  'AS-11': ['settings.spec.ts › refuse %s in production'],
  'AS-16': [
    'authorization-errors.e2e-spec.ts › answers %s by a page while nobody of the tenant has trusted the client, whoever asks (AS-15)',
  ],
  'AS-24': [
    'refresh.e2e-spec.ts › takes the resource in any form that means the same',
    'mcp-server.e2e-spec.ts › refuses a token that was not made for this resource',
  ],
  'AS-28': ['token-errors.e2e-spec.ts › gives no refresh token to a client that did not register for it'],
  'AS-30': ['refresh.e2e-spec.ts › of another client is refused, and is not spent'],
  'AS-48': [
    'render.spec.ts › names the client, the user, the resource, every scope, where the answer goes and how to revoke',
    'client-decisions.e2e-spec.ts › hold for a client by its rule: consent offers and gives no more',
  ],
  'AS-49': [
    'revocations.e2e-spec.ts › finds links by person, client, resource and status, in pages',
    'revocations.e2e-spec.ts › ends every installation of it and no other link',
  ],
  'AS-56': ['client-decisions.e2e-spec.ts › links at once, by its secret, under a name that can be relied on'],
  'CIMD-19': [
    'render.spec.ts › names the client, the user, the resource, every scope, where the answer goes and how to revoke',
  ],
  'CIMD-20': ['forms.e2e-spec.ts › names who asks, for what, and where the answer goes'],
  'CIMD-21': [
    'render.spec.ts › marks an unverified name, warns of loopback, and does neither without reason',
    'authorization-errors.e2e-spec.ts › ask for consent every time, since any local program could listen there (RFC 8252 §8.6)',
  ],
  'CIMD-24': ['registration.e2e-spec.ts › gives every registration an id of its own'],
  'DCR-01': ['registration.e2e-spec.ts › is closed by policy: no endpoint in the metadata, and 404 (DCR-09)'],
  'MT-03': [
    'mcp-server.e2e-spec.ts › is answered in both forms for /t/acme/%s',
    'mcp-server.e2e-spec.ts › is the same 404 for everything else: %s',
  ],
  'MT-09': ['unknown-tenant.e2e-spec.ts › is the same 404 as an address that nothing serves: %s'],
  'AS-19': [
    'fuzz.e2e-spec.ts › every endpoint, whatever it is sent',
    'attacks.e2e-spec.ts › an attacker',
    'limits.e2e-spec.ts › limits',
  ],
  'CL-06': [
    'metadata.e2e-spec.ts › is at %s: JSON, with the issuer byte for byte and the PKCE method (AS-04, AS-05, AS-06, AS-07, MT-01, OA-05, RFC-03, RFC-22)',
  ],
  'CL-09': ['settings.spec.ts › refuse %s in production'],
  'CL-12': [
    'metadata.e2e-spec.ts › is the one authorization server of its resource, whose metadata is the URL that people paste (OA-02, CLD-05, CLD-06)',
  ],
  'OA-08': [
    'registration.e2e-spec.ts › echoes what was registered, with what was filled in, and nothing else (DCR-05)',
    'client-decisions.e2e-spec.ts › links at once, by its secret, under a name that can be relied on',
    'client-id-metadata-document.spec.ts › takes the document of ChatGPT, without its logo (OA-17, CIMD-18)',
  ],
  'CLD-12': [
    'outbound.int-spec.ts › gives up on a server that never answers',
    'outbound.int-spec.ts › gives up on a body that drips',
  ],
  'CL-01': ['mcp-journey.ts › asks with PKCE for the resource and the least scope'],
  'CL-02': ['mcp-journey.ts › asks with PKCE for the resource and the least scope'],
  'CL-03': ['mcp-journey.ts › asks with PKCE for the resource and the least scope'],
  'CL-08': [
    'client-authentication.e2e-spec.ts › knows no client of that id: 401 invalid_client, which makes hosts register anew',
  ],
  'CL-10': ['mcp-journey.ts › discovers and registers from nothing but the URL, then asks for the person'],
  'CL-13': [
    'mcp-journey.ts › is cut off by the admin at the next call: 401, then invalid_grant, then the SDK starts over',
  ],
  'OA-01': ['mcp-server.e2e-spec.ts › is answered in both forms for /t/acme/%s'],
  'OA-02': ['mcp-journey.ts › discovers and registers from nothing but the URL, then asks for the person'],
  'OA-03': ['mcp-server.e2e-spec.ts › asks for a token without naming an error, whatever the method and body (RS-13)'],
  'OA-04': ['protected-resource-metadata.spec.ts › describes the resource, and never offers offline_access'],
  'OA-06': [
    'access-token.e2e-spec.ts › is refused when it has been changed, and in the query string (RS-15)',
    'mcp-server.e2e-spec.ts › refuses a token that was not made for this resource',
    'mcp-server.e2e-spec.ts › asks for the missing scope and those already held, by 403 before dispatch (RS-16)',
  ],
  'OA-09': ['openid-client.e2e-spec.ts › would not take an answer of another issuer, or without one (AS-09, AS-10)'],
  'OA-11': ['openid-client.e2e-spec.ts › would not take an answer of another issuer, or without one (AS-09, AS-10)'],
  'OA-12': ['authorization-errors.e2e-spec.ts › answers %s by redirect, with state and iss'],
  'OA-16': ['admin-api.e2e-spec.ts › holds from the next token on'],
  'OA-20': ['authorization-errors.e2e-spec.ts › %s is met on any port'],
  'CLD-01': [
    'registration.e2e-spec.ts › echoes what was registered, with what was filled in, and nothing else (DCR-05)',
  ],
  'CLD-06': ['mcp-journey.ts › discovers and registers from nothing but the URL, then asks for the person'],
  'CLD-11': [
    'limits.e2e-spec.ts › holds up a client at its address by 429 with Retry-After, and keeps its living links going',
  ],
  'RFC-01': [
    'token-errors.e2e-spec.ts › that comes again %s ends nothing (AS-23)',
    'authorization-errors.e2e-spec.ts › asks for a login first and redirects with 303 after each form (AS-45)',
  ],
  'RFC-02': [
    'rotation.int-spec.ts › rotation under adversarial schedules (AS-18, AS-23, AS-30, AS-31)',
    'openid-client.e2e-spec.ts › would not take an answer of another issuer, or without one (AS-09, AS-10)',
  ],
  'RFC-04': ['mcp-server.e2e-spec.ts › is answered in both forms for /t/acme/%s'],
  'RFC-05': ['refresh.e2e-spec.ts › takes the resource in any form that means the same'],
  'RFC-06': [
    'authorization-errors.e2e-spec.ts › answers %s by redirect, with state and iss',
    'openid-client.e2e-spec.ts › redeems a code with PKCE, state and iss checked',
  ],
  'RFC-07': [
    'access-token.e2e-spec.ts › has the claims of RFC 9068 and those that revocation needs',
    'openid-client.e2e-spec.ts › oauth4webapi: registration, code, access token, refresh and revocation pass its validation',
  ],
  'RFC-08': [
    'revocation-endpoint.e2e-spec.ts › ends the link with a refresh token of its only installation: refresh, access tokens and grant',
    'revocation-endpoint.e2e-spec.ts › answers 200 for what it does not know, and again for what has ended',
  ],
  'RFC-11': [
    'client-metadata.spec.ts › keeps the closed list of fields and ignores every other',
    'registration-policy.e2e-spec.ts › are unknown after the days of the policy, and deleted a day later; used ones never (DCR-06)',
  ],
  'RFC-12': [
    'registration-policy.e2e-spec.ts › replaces it whole, with another token; the one before works until the new one is used',
  ],
  'RFC-20': [
    'private-key-jwt.e2e-spec.ts › refuses a used jti, whichever endpoint it is sent to, and whatever else the request says (OA-19)',
  ],
  'RFC-26': [
    'shared-signals.e2e-spec.ts › are configured as SSF says',
    'shared-signals.e2e-spec.ts › of a revoked link and a revoked person: signed, in order, with ids alone, until it is taken',
    'shared-signals.e2e-spec.ts › is pushed as well, with the authorization that the receiver wants, in order and again when it was not taken',
  ],
  'RFC-31': ['challenge.spec.ts › is one readable challenge in one line, whatever goes in'],
};
