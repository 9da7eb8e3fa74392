import { basic, newVerifier, type Sent } from '../../support/clients/oauth-client.ts';
import type { TenantSide } from '../../support/tenant-side.ts';
import { type Attempt, type Attempts, cookiesOf, form, plain, public200, type World } from './attempt.ts';

/** The authorization server of each tenant. */
export function authorizationAttempts(world: World): Attempts {
  const { product, mine, theirs } = world;
  const { authUrl } = product.summary;
  const { theirCookie, myCookie } = cookiesOf(world);

  const codeOf = (side: TenantSide): Sent => ({
    grant_type: 'authorization_code',
    code: side.authorization.code,
    code_verifier: side.authorization.verifier,
    redirect_uri: side.authorization.redirectUri,
  });
  const refreshOf = (side: TenantSide): Sent => ({
    grant_type: 'refresh_token',
    refresh_token: side.tokens.refresh_token,
  });
  const publicly = (side: TenantSide): Sent => ({ client_id: side.client.id });
  const secretly = (side: TenantSide): Sent => ({
    client_id: side.confidential.id,
    client_secret: side.confidential.secret,
  });

  const asPoint = ({ point }: TenantSide): Sent => ({ client_id: point.id, client_secret: point.credential });
  const bearer = (side: TenantSide) => ({ authorization: `Bearer ${side.tokens.access_token}` });
  const logoutOf = (at: TenantSide, of: TenantSide): string =>
    `${at.issuer}/logout?${new URLSearchParams({ client_id: of.client.id, post_logout_redirect_uri: of.client.redirectUri }).toString()}`;

  return {
    'GET /.well-known/oauth-authorization-server/t/:tenant': public200(
      world,
      `${authUrl}/.well-known/oauth-authorization-server/t/${mine.slug}`,
    ),
    'GET /.well-known/openid-configuration/t/:tenant': public200(
      world,
      `${authUrl}/.well-known/openid-configuration/t/${mine.slug}`,
    ),
    'GET /t/:tenant/.well-known/openid-configuration': public200(
      world,
      `${mine.issuer}/.well-known/openid-configuration`,
    ),
    'GET /t/:tenant/jwks': public200(world, `${mine.issuer}/jwks`),
    'GET /assets/pages-{hash}.css': [plain('it is nobody’s', `${authUrl}/assets/pages-none.css`, 404)],

    'POST /t/:tenant/par': [
      form('their client at my issuer', `${mine.issuer}/par`, 401, {
        ...secretly(theirs),
        ...Object.fromEntries(new URL(theirs.confidential.authorizationUrl()).searchParams),
      }),
      form(
        'my client, without its secret, at my issuer',
        `${mine.issuer}/par`,
        401,
        Object.fromEntries(new URL(mine.confidential.authorizationUrl()).searchParams),
      ),
      form(
        'my resource at their issuer',
        `${theirs.issuer}/par`,
        400,
        Object.fromEntries(new URL(theirs.client.authorizationUrl({ resource: mine.resource })).searchParams),
      ),
    ],
    'GET /t/:tenant/authorize': [
      plain('their session: it is asked who it is', mine.client.authorizationUrl(), 200, theirCookie),
      plain('their client at my issuer', theirs.client.at(mine.issuer).authorizationUrl(), 400, theirCookie),
      plain(
        'their resource at my issuer',
        mine.client.authorizationUrl({ resource: theirs.resource }),
        303,
        theirCookie,
      ),
      plain('my session at their issuer: it is asked who it is', theirs.client.authorizationUrl(), 200, myCookie),
      plain('my client at their issuer', mine.client.at(theirs.issuer).authorizationUrl(), 400, theirCookie),
      plain(
        'my resource at their issuer',
        theirs.client.authorizationUrl({ resource: mine.resource }),
        303,
        theirCookie,
      ),
    ],
    'GET /t/:tenant/login': [plain('their session', `${mine.issuer}/login`, 400, theirCookie)],
    'GET /t/:tenant/consent': [plain('their session', `${mine.issuer}/consent`, 400, theirCookie)],
    'GET /t/:tenant/switch-account': [plain('their session', `${mine.issuer}/switch-account`, 400, theirCookie)],
    'GET /t/:tenant/sign-out': [plain('their session', `${mine.issuer}/sign-out`, 400, theirCookie)],
    // The forms themselves are tried with real seals in the suite.
    'POST /t/:tenant/login': [
      form(
        'their person, no seal',
        `${mine.issuer}/login`,
        400,
        { request: '', csrf: '', email: theirs.person.email, password: theirs.person.password },
        theirCookie,
      ),
    ],
    'POST /t/:tenant/consent': [
      form(
        'their session, no seal',
        `${mine.issuer}/consent`,
        400,
        { request: '', csrf: '', decision: 'approve' },
        theirCookie,
      ),
    ],
    'POST /t/:tenant/switch-account': [
      form('their session, no seal', `${mine.issuer}/switch-account`, 400, { request: '', csrf: '' }, theirCookie),
    ],
    'POST /t/:tenant/register': [
      {
        what: 'their key, where registration is off',
        url: `${mine.issuer}/register`,
        headers: { authorization: `Bearer ${theirs.adminKey}`, 'content-type': 'application/json' },
        body: JSON.stringify({ redirect_uris: ['https://evil.example/'], token_endpoint_auth_method: 'none' }),
        answer: 404,
      },
    ],
    'GET /t/:tenant/register/:client': managed(mine, theirs),
    'PUT /t/:tenant/register/:client': managed(mine, theirs, {
      client_id: mine.client.id,
      redirect_uris: ['https://evil.example/'],
      token_endpoint_auth_method: 'none',
    }),
    'DELETE /t/:tenant/register/:client': managed(mine, theirs),
    'POST /t/:tenant/token': [
      form('their client and code', `${mine.issuer}/token`, 401, { ...publicly(theirs), ...codeOf(theirs) }),
      form('their client’s secret', `${mine.issuer}/token`, 401, { ...secretly(theirs), ...codeOf(theirs) }),
      form('their client’s secret by Basic', `${mine.issuer}/token`, 401, codeOf(theirs), {
        authorization: basic(theirs.confidential.id, theirs.confidential.secret ?? ''),
      }),
      form('my client, their code', `${mine.issuer}/token`, 400, { ...publicly(mine), ...codeOf(theirs) }),
      form('my client, their refresh token', `${mine.issuer}/token`, 400, { ...publicly(mine), ...refreshOf(theirs) }),
      form('their client, my refresh token', `${mine.issuer}/token`, 401, { ...publicly(theirs), ...refreshOf(mine) }),
      form('at their own, my code', `${theirs.issuer}/token`, 400, { ...publicly(theirs), ...codeOf(mine) }),
      form('at their own, my code and client', `${theirs.issuer}/token`, 401, { ...publicly(mine), ...codeOf(mine) }),
      form('at their own, my refresh token', `${theirs.issuer}/token`, 400, {
        ...publicly(theirs),
        ...refreshOf(mine),
      }),
      form('at their own, my refresh token and client', `${theirs.issuer}/token`, 400, {
        ...publicly(mine),
        ...refreshOf(mine),
      }),
      form('at their own, my resource', `${theirs.issuer}/token`, 400, {
        ...publicly(theirs),
        ...refreshOf(theirs),
        resource: mine.resource,
      }),
      form('at their own, a code that is none', `${theirs.issuer}/token`, 400, {
        ...publicly(theirs),
        ...codeOf(theirs),
        code: `gkc_${newVerifier()}`,
      }),
    ],
    'POST /t/:tenant/introspect': [
      form('their credential', `${mine.issuer}/introspect`, 401, {
        ...asPoint(theirs),
        token: mine.tokens.access_token,
      }),
      form('their credential, my id', `${mine.issuer}/introspect`, 401, {
        ...asPoint(theirs),
        client_id: mine.point.id,
        token: mine.tokens.access_token,
      }),
      form('their client', `${mine.issuer}/introspect`, 401, { ...secretly(theirs), token: mine.tokens.access_token }),
      form('at their own, my token', `${theirs.issuer}/introspect`, 200, {
        ...asPoint(theirs),
        token: mine.tokens.access_token,
      }),
      form('at their own, my credential', `${theirs.issuer}/introspect`, 401, {
        ...asPoint(mine),
        token: theirs.tokens.access_token,
      }),
    ],
    'GET /t/:tenant/userinfo': [
      plain('their access token', `${mine.issuer}/userinfo`, 401, bearer(theirs)),
      plain('at their own, my access token', `${theirs.issuer}/userinfo`, 401, bearer(mine)),
      plain('no token', `${mine.issuer}/userinfo`, 401, theirCookie),
    ],
    'POST /t/:tenant/userinfo': [
      form('their access token', `${mine.issuer}/userinfo`, 401, {}, bearer(theirs)),
      form('at their own, my access token', `${theirs.issuer}/userinfo`, 401, {}, bearer(mine)),
    ],
    'GET /t/:tenant/logout': [
      plain('their session: nobody is signed in there', `${mine.issuer}/logout`, 200, theirCookie),
      plain('their client at my issuer', logoutOf(mine, theirs), 400, theirCookie),
      plain('my client at their issuer', logoutOf(theirs, mine), 400, theirCookie),
    ],
    'POST /t/:tenant/logout': [form('it only sends on', `${mine.issuer}/logout`, 303, publicly(mine), theirCookie)],
    'POST /t/:tenant/sign-out': [
      form('their session, no seal', `${mine.issuer}/sign-out`, 400, { request: '', csrf: '' }, theirCookie),
    ],
    // RFC 7009 §2.2: a token that is not this client's is answered as if it had been revoked.
    'POST /t/:tenant/revoke': [
      form('their client and token', `${mine.issuer}/revoke`, 401, {
        ...publicly(theirs),
        token: theirs.tokens.refresh_token,
      }),
      form('their client, my token', `${mine.issuer}/revoke`, 401, {
        ...publicly(theirs),
        token: mine.tokens.refresh_token,
      }),
      form('my client, their token', `${mine.issuer}/revoke`, 200, {
        ...publicly(mine),
        token: theirs.tokens.refresh_token,
      }),
      form('at their own, my refresh token', `${theirs.issuer}/revoke`, 200, {
        ...publicly(theirs),
        token: mine.tokens.refresh_token,
      }),
      form('at their own, my access token', `${theirs.issuer}/revoke`, 200, {
        ...publicly(theirs),
        token: mine.tokens.access_token,
      }),
    ],
  };
}

/** My registration with their tokens, and at their own issuer with mine. */
function managed(mine: TenantSide, theirs: TenantSide, body?: object): Attempt[] {
  const send = (what: string, issuer: string, token: string | undefined): Attempt => ({
    what,
    url: `${issuer}/register/${mine.client.id}`,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body && { 'content-type': 'application/json' }),
    },
    ...(body && { body: JSON.stringify(body) }),
    answer: 401,
  });
  return [
    send('their registration access token', mine.issuer, theirs.client.management),
    send('their admin key', mine.issuer, theirs.adminKey),
    send('no token', mine.issuer, undefined),
    send('at their own, my client and token', theirs.issuer, mine.client.management),
  ];
}
