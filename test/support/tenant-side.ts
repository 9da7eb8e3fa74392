import { type Authorization, claimsOf, OAuthClient, type TokenBody } from './clients/oauth-client.ts';
import { Person } from './clients/person.ts';
import { callTool } from './clients/tool-call.ts';
import type { RunningProduct } from './product.ts';

/** A tenant with everything that one can hold, and everything that another one must never see. */
export interface TenantSide {
  readonly slug: string;
  readonly id: string;
  readonly issuer: string;
  readonly resource: string;
  readonly resourceId: string;
  readonly adminKey: string;
  readonly adminKeyId: string;
  readonly userId: string;
  readonly person: Person;
  /** The value of the session cookie, whatever its name. */
  readonly session: string;
  readonly client: OAuthClient;
  readonly confidential: OAuthClient;
  readonly tokens: TokenBody;
  /** Authorized and not yet redeemed. */
  readonly authorization: Authorization;
  /** What checks tokens of the tenant's resource. */
  readonly point: { readonly id: string; readonly credential: string };
  readonly grantId: string;
  readonly familyId: string;
  readonly webhookId: string;
  /** A receiver of security events, with a stream. */
  readonly signals: { readonly id: string; readonly credential: string; readonly streamId: string };
  /** A client that waits for an approval. */
  readonly requestId: string;
  readonly initialTokenId: string;
  /** A cut that waits for approval. */
  readonly cutId: string;
  /** Values that only this tenant and the operators may see, by what they are. */
  readonly private: Readonly<Record<string, string>>;
}

const PASSWORD = 'a long enough password';

export async function makeTenantSide(product: RunningProduct, slug: string): Promise<TenantSide> {
  const admin = async <Body>(method: string, path: string, body?: unknown): Promise<Body> => {
    const answer = await product.admin<Body>(method, `/tenants${path}`, body);
    if (answer.status >= 300) throw new Error(`${method} ${path} was answered ${answer.status}`);
    return answer.body;
  };
  const { id, issuer, resource } = await admin<{ id: string; issuer: string; resource: string }>('POST', '', {
    slug,
    displayName: slug,
  });
  const { key: adminKey, id: adminKeyId } = await admin<{ key: string; id: string }>('POST', `/${slug}/admin-keys`, {
    name: `key of ${slug}`,
  });
  const email = `person@${slug}.example`;
  const { id: userId } = await admin<{ id: string }>('POST', `/${slug}/users`, {
    email,
    name: `Person of ${slug}`,
    password: PASSWORD,
  });
  const webhookUrl = `https://${slug}.example/told`;
  const person = new Person(email, PASSWORD);
  const client = await OAuthClient.register(issuer, { client_name: `Client of ${slug}` });
  const confidential = await OAuthClient.register(issuer, {
    client_name: `Server of ${slug}`,
    token_endpoint_auth_method: 'client_secret_post',
  });
  const tokens = await client.link(person);
  await confidential.link(person);
  const boardTitle = `Board of ${slug}`;
  const created = await callTool(resource, tokens.access_token, 'create_board', { title: boardTitle });
  if (created.status !== 200) throw new Error(`The board was answered ${created.status} ${created.text}`);

  // Somebody and something that has been revoked, so that there is a reason to be read.
  const { id: leaver } = await admin<{ id: string }>('POST', `/${slug}/users`, { email: `leaver@${slug}.example` });
  const reason = `Left ${slug}`;
  await admin('POST', `/${slug}/revocations`, { target: { kind: 'user', userId: leaver }, reason });
  // As long as a code may live: a busy machine needs more than a minute for all attempts.
  await admin('PATCH', `/${slug}/policy`, { authorizationCodeSeconds: 600 });
  const authorization = await client.authorize(person);
  // A client that waits for an approval, a rule, and a token to register with.
  const asking = await OAuthClient.register(issuer, { client_name: `Unknown at ${slug}` });
  await admin('PATCH', `/${slug}/policy`, { clientAdmission: 'review' });
  await person.open(asking.authorizationUrl());
  await admin('PATCH', `/${slug}/policy`, { clientAdmission: 'open' });
  const { requests } = await admin<{ requests: { id: string }[] }>('GET', `/${slug}/client-requests`);
  const rule = { effect: 'block', reason: `Phished ${slug}` };
  await admin('PUT', `/${slug}/client-rules/host:${slug}.blocked.example`, rule);
  const initialToken = await admin<{ id: string; token: string }>('POST', `/${slug}/initial-access-tokens`, {
    name: `Token of ${slug}`,
  });
  // Nobody may register any more: what a stranger may do is not what a second tenant may do.
  await admin('PATCH', `/${slug}/policy`, { registration: 'off' });
  const point = await admin<{ id: string; credential: string }>('POST', `/${slug}/enforcement-points`, {
    name: `Point of ${slug}`,
  });
  // Told of something that does not happen here: nobody is at this address.
  const webhook = await admin<{ id: string; secret: string }>('POST', `/${slug}/webhooks`, {
    name: `Webhook of ${slug}`,
    url: webhookUrl,
    types: ['tenant.revoked'],
  });
  const receiver = await admin<{ id: string; credential: string }>('POST', `/${slug}/signal-receivers`, {
    name: `Receiver of ${slug}`,
    audience: `https://${slug}.example/signals`,
  });
  const stream = (await (
    await fetch(`${issuer}/ssf/streams`, {
      method: 'POST',
      headers: { authorization: `Bearer ${receiver.credential}`, 'content-type': 'application/json' },
      body: JSON.stringify({ description: `Stream of ${slug}` }),
    })
  ).json()) as { stream_id: string };
  const { resources } = await admin<{ resources: { id: string }[] }>('GET', `/${slug}`);
  const claims = claimsOf(tokens.access_token);
  const [grantId, familyId, resourceId] = [
    String(claims['grant_id']),
    String(claims['family_id']),
    resources[0]?.id ?? '',
  ];
  const session = await sessionOf(person.elsewhere(), client);
  await admin('PATCH', `/${slug}/policy`, { cutApprovalAbove: 0 });
  const { preview: cutId } = await admin<{ preview: string }>('POST', `/${slug}/cuts/preview`, {
    where: { clientId: client.id },
  });
  const cutReason = `Cut at ${slug}`;
  await admin('POST', `/${slug}/cuts`, { preview: cutId, act: 'suspend', reason: cutReason });
  return {
    slug,
    id,
    issuer,
    resource,
    resourceId,
    adminKey,
    adminKeyId,
    userId,
    person,
    session,
    client,
    confidential,
    tokens,
    authorization,
    point,
    grantId,
    familyId,
    webhookId: webhook.id,
    signals: { ...receiver, streamId: stream.stream_id },
    requestId: requests[0]?.id ?? '',
    initialTokenId: initialToken.id,
    cutId,
    private: {
      tenantId: id,
      adminKey,
      userId,
      email,
      leaver,
      reason,
      session,
      webhookUrl,
      webhookId: webhook.id,
      webhookName: `Webhook of ${slug}`,
      secret: webhook.secret,
      receiverId: receiver.id,
      receiverCredential: receiver.credential,
      receiverName: `Receiver of ${slug}`,
      streamId: stream.stream_id,
      streamName: `Stream of ${slug}`,
      pointId: point.id,
      pointCredential: point.credential,
      pointName: `Point of ${slug}`,
      clientId: client.id,
      // Whoever knows the id of the other client sees its name on the pages.
      confidentialName: `Server of ${slug}`,
      confidentialId: confidential.id,
      clientSecret: confidential.secret ?? '',
      accessToken: tokens.access_token,
      refreshToken: tokens.refresh_token,
      code: authorization.code,
      grantId,
      familyId,
      resourceId,
      boardTitle,
      requestId: requests[0]?.id ?? '',
      askingName: `Unknown at ${slug}`,
      ruleReason: rule.reason,
      initialToken: initialToken.token,
      initialTokenName: `Token of ${slug}`,
      cutId,
      cutReason,
      management: client.management ?? '',
    },
  };
}

async function sessionOf(person: Person, client: OAuthClient): Promise<string> {
  const form = (await person.open(client.authorizationUrl())).form('login');
  if (!form) throw new Error('There is no login form.');
  const answer = await person.post(form.action, { ...form.fields, email: person.email, password: person.password });
  const [cookie] = answer.headers.getSetCookie().filter((set) => set.startsWith('gk_session_'));
  if (cookie === undefined) throw new Error('No session was begun.');
  return /=([^;]*)/.exec(cookie)?.[1] ?? '';
}
