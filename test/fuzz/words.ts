import fc from 'fast-check';

/** Names of parameters that some endpoint knows, or might. */
export const PARAMETERS = `
  response_type client_id redirect_uri scope state code_challenge code_challenge_method resource
  prompt max_age login_hint id_token_hint acr_values nonce request request_uri response_mode display
  ui_locales claims registration grant_type code code_verifier refresh_token client_secret
  client_assertion client_assertion_type token token_type_hint audience assertion
  post_logout_redirect_uri logout_hint csrf email password decision scopes limit after before as_of
  user client grant status q type follow __proto__ constructor dpop_jkt authorization_details name
  slug
`
  .trim()
  .split(/\s+/);

/** Names of fields of JSON bodies. */
export const JSON_FIELDS = `
  client_name redirect_uris grant_types response_types token_endpoint_auth_method scope jwks jwks_uri
  logo_uri client_uri contacts application_type software_id software_statement slug displayName email
  name password target reason kind userId clientId grantId resource scopes registration
  accessTokenSeconds deliveryAttempts url types jsonrpc method id params _meta post_logout_redirect_uris
  token_endpoint_auth_signing_alg dpop_bound_access_tokens require_pushed_authorization_requests settings __proto__ constructor toString
`
  .trim()
  .split(/\s+/);

/** Text that has broken parsers before. */
export const nasty = fc.constantFrom(
  '',
  ' ',
  '\0',
  '%00',
  '%',
  '%zz',
  '%E0%A4%A',
  '%C0%AF',
  '+',
  '&',
  '=',
  ';',
  '..',
  '../..',
  '/',
  '//',
  '\\',
  '?',
  '#',
  '*',
  "'",
  '"',
  "' OR 1=1 --",
  '$1',
  '${7*7}',
  '{{7*7}}',
  '<script>alert(1)</script>',
  '\r\nSet-Cookie: x=y',
  '%0d%0aLocation:%20https://evil.example',
  'https://evil.example/',
  '//evil.example',
  'javascript:alert(1)',
  'https://client.example/callback/../evil',
  'https://client.example@evil.example/callback',
  'http://127.0.0.1:1/',
  'https://client.example/callback?x=1',
  'https://CLIENT.example/callback',
  'data:text/html,x',
  'file:///etc/passwd',
  '\u202e',
  '\ufeff',
  '\ud800',
  'é',
  '日本',
  '🙂',
  'a'.repeat(300),
  'x'.repeat(5_000),
  '-1',
  '0',
  '1e309',
  '9'.repeat(25),
  '99999999999999999999',
  'NaN',
  'null',
  'true',
  '[]',
  '{}',
  '[object Object]',
  '1.5',
  '0x10',
  '2026-13-45',
  '00000000-0000-0000-0000-000000000000',
  'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF',
  'eyJhbGciOiJub25lIn0.e30.',
  'none login consent',
  'S256',
  'plain',
  'code token id_token',
  'query fragment form_post',
);
