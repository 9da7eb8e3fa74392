import { aboutOthers, requirements } from './requirement.ts';

/** Client ID Metadata Documents (draft -02; documents of -00 pass). */
export const metadataDocuments = requirements([
  ['CIMD-01', 'Support is advertised'],
  ['CIMD-02', 'The URL is https, with a path, without dot segments, fragment or user name'],
  ['CIMD-03', 'URLs are compared as plain text; the document names the URL it was fetched from'],
  ['CIMD-04', 'A failed fetch ends the request'],
  ['CIMD-05', 'Only 200 counts; redirects are not followed'],
  ['CIMD-06', 'Only JSON media types'],
  ['CIMD-07', 'Valid JSON with `client_id`, `client_name` and `redirect_uris`'],
  ['CIMD-08', 'No shared secret and no private key in a document'],
  ['CIMD-09', 'A document that declares `private_key_jwt` makes a confidential client; `none` a public one'],
  ['CIMD-10', 'A list of methods in the document is intersected with ours; the single field is a preference'],
  ['CIMD-11', 'The redirect URI is in the document'],
  ['CIMD-12', 'Redirect URIs may be restricted to the origin of the document'],
  ['CIMD-13', 'Special-use addresses are never reached, neither by the document nor by what it names'],
  ['CIMD-14', 'The resolved address is checked, and is the one connected to'],
  ['CIMD-15', 'Only known URI schemes in a document'],
  ['CIMD-16', 'No more than 5 KB are read'],
  ['CIMD-17', 'Caching follows HTTP within bounds; errors and broken documents are not cached'],
  ['CIMD-18', 'Logos are served from our own origin, or not at all'],
  ['CIMD-19', 'The consent page shows the host of the client id'],
  ['CIMD-20', 'The consent page shows the host of the redirect URI'],
  ['CIMD-21', 'Loopback redirects are warned of'],
  ['CIMD-22', 'Hosts may be trusted or not, by policy'],
  ['CIMD-23', 'Documents may be registered beforehand and all others refused'],
  ['CIMD-24', 'Client ids that we make are no https URLs'],
  ['CIMD-25', 'A changed document is kept as a version, seen, and treated by policy'],
  ['CIMD-26', 'A broken document is a page for the person, never a redirect'],
  [
    'CIMD-27',
    'Documents also identify clients at grants without a redirect',
    {
      because:
        'The only such grant here is client_credentials, which an admin lets a client use by registering it: whoever publishes a document could otherwise act for itself uninvited.',
    },
  ],
  [
    'CIMD-28',
    'A fetch tells the publisher that its client is used; the cache blunts that',
    aboutOthers('A fact; the shared cache is shown by CIMD-17.'),
  ],
  ['CIMD-29', 'Fetches are bounded in time and number'],
]);

/** Dynamic client registration (RFC 7591). */
export const registration = requirements([
  ['DCR-01', 'A registration endpoint, where the policy has it'],
  ['DCR-02', 'Clients send `application_type`'],
  ['DCR-03', 'Loopback-only redirects without `application_type` are native'],
  ['DCR-04', 'Refusals are 400 with `invalid_redirect_uri` or `invalid_client_metadata`'],
  ['DCR-05', 'The response echoes what was registered, with the secret and its expiry'],
  ['DCR-06', 'ChatGPT registers once per connection and never again: a used registration does not expire'],
  ['DCR-07', 'Claude registers at each connection, and again when told 401 `invalid_client`'],
  ['DCR-08', 'Storms are bounded, unused registrations expire, the same software is shown as one'],
  ['DCR-09', 'Off, open, by host list or by initial access token; names are unverified'],
  ['DCR-10', 'A registration is of one tenant'],
]);

/** What clients of the MCP SDKs do. */
export const clientBehaviour = requirements([
  ['CL-01', '`resource` is sent in both requests'],
  ['CL-02', 'S256 is used, and looked for in the metadata first'],
  ['CL-03', 'The challenge decides what scope is asked for'],
  ['CL-04', 'Step-up asks for the union of scopes'],
  ['CL-05', 'Discovery carries `MCP-Protocol-Version`, with a preflight in browsers'],
  ['CL-06', 'One trailing slash of an issuer is forgiven by one SDK only'],
  ['CL-07', 'The authentication method comes from the registration response, then from metadata'],
  ['CL-08', '`invalid_client` and `unauthorized_client` make clients register anew'],
  ['CL-09', 'The token endpoint is https, or on loopback'],
  ['CL-10', 'Registrations carry grant types, application type and scope'],
  [
    'CL-11',
    'A changed issuer makes clients link anew',
    aboutOthers('Of the clients; our issuers never change (AS-55).'),
  ],
  ['CL-12', 'A resource without a path gets a trailing slash'],
  ['CL-13', '`invalid_grant` drops tokens and starts over; a revoked grant is never `invalid_client`'],
]);

/** The authorization-server part of the official conformance suite. */
export const officialSuite = requirements([
  ['CF-01', 'A well-known form answers 200'],
  ['CF-02', 'It is JSON'],
  ['CF-03', '`issuer` is the URL that the runner was given'],
  ['CF-04', 'Endpoints, `code` and `S256` are named'],
  ['CF-05', 'Metadata documents are supported'],
  ['CF-06', 'A request without `resource` and `scope` succeeds'],
  ['CF-07', 'One `code`, one `state`, at most one `iss`'],
  ['CF-08', 'The token response is JSON, `no-store`, with `access_token` and `token_type`'],
  ['CF-09', '`redirect_uri` is sent at the token endpoint; the suite takes `none` wherever it is offered'],
  ['CF-10', 'The list for resource servers', aboutOthers('Of MCP servers, not of the authorization server.')],
  ['CF-11', 'Extensions are not scored', aboutOthers('Nothing is scored.')],
]);
