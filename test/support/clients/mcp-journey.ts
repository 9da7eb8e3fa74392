import { type RunningProduct, startProduct } from '../product.ts';
import { until } from '../until.ts';
import { claimsOf } from './oauth-client.ts';
import { MemoryProvider } from './memory-provider.ts';
import { Person } from './person.ts';
import { RecordingFetch } from './recording-fetch.ts';
import { callTool } from './tool-call.ts';

/** One MCP client of one SDK, with the SDK's own OAuth. */
export interface McpSession {
  /** Connects; rejects with the SDK's error when the person must authorize first. */
  connect(): Promise<void>;
  /** Hands the SDK what the callback has brought. */
  finish(parameters: URLSearchParams): Promise<void>;
  protocolVersion(): string | undefined;
  listTools(): Promise<string[]>;
  /** Structured content of the tool's answer. */
  call(tool: string, args?: Record<string, unknown>): Promise<unknown>;
  close(): Promise<void>;
}

/** What differs between the SDKs. */
export interface Sdk {
  readonly name: string;
  readonly protocolVersion: string;
  /** Parameters of the first authorization request that this SDK chooses by itself. */
  readonly firstRequest: Readonly<Record<string, string>>;
  readonly unauthorized: new (...args: never[]) => Error;
  open(provider: MemoryProvider, resource: string, fetch: typeof globalThis.fetch): McpSession;
  /** Calls `create_board` with a token that may only read, up to where the SDK wants another authorization. */
  stepUp(
    session: McpSession,
    provider: MemoryProvider,
    resource: string,
    attempt: () => Promise<unknown>,
  ): Promise<void>;
}

interface Grant {
  readonly id: string;
  readonly status: string;
  readonly client: { readonly id: string };
  readonly scopes: readonly string[];
}

/** The journey of a link, from a URL that somebody pasted to its end. Each step goes on from where the last one stopped. */
export function describeJourney(sdk: Sdk): void {
  describe(`a link made with ${sdk.name}`, () => {
    const recorder = new RecordingFetch();
    const provider = new MemoryProvider(`Journey with ${sdk.name}`);
    let product: RunningProduct;
    let person: Person;
    let session: McpSession;
    let issuer: string;
    let resource: string;

    beforeAll(async () => {
      product = await startProduct();
      ({ issuer, resource } = product.summary.demo);
      const { email, password } = product.summary.demo.user;
      person = new Person(email, password);
      session = sdk.open(provider, resource, recorder.fetch);
    }, 60_000);

    afterAll(async () => {
      await session?.close();
      await product?.stop();
    });

    async function grants(): Promise<Grant[]> {
      return (await product.admin<{ grants: Grant[] }>('GET', '/tenants/acme/grants')).body.grants;
    }

    it('discovers and registers from nothing but the URL, then asks for the person', async () => {
      await expect(session.connect()).rejects.toBeInstanceOf(sdk.unauthorized);
      const steps = recorder.take();
      expect(steps[0]).toEqual({ to: 'POST mcp', status: 401, error: undefined });
      expect(steps.slice(1).map(({ to, status }) => `${to} ${status}`)).toEqual([
        'GET oauth-protected-resource 200',
        'GET oauth-authorization-server 200',
        'POST register 201',
      ]);
      expect(provider.registration).toMatchObject({
        client_id: expect.stringMatching(/^gkd_/),
        token_endpoint_auth_method: 'none',
      });
    });

    it('asks with PKCE for the resource and the least scope', () => {
      const { wanted } = provider;
      expect(`${wanted?.origin}${wanted?.pathname}`).toBe(`${issuer}/authorize`);
      expect(Object.fromEntries(wanted?.searchParams ?? [])).toMatchObject({
        response_type: 'code',
        code_challenge_method: 'S256',
        code_challenge: expect.stringMatching(/^[\w-]{43}$/),
        resource,
        ...sdk.firstRequest,
      });
    });

    it('gets tokens once the person has signed in and consented', async () => {
      const callback = await person.authorize(provider.takeWanted());
      expect(callback.searchParams.get('iss')).toBe(issuer);
      await session.finish(provider.accept(callback));
      await session.connect();
      expect(session.protocolVersion()).toBe(sdk.protocolVersion);
      expect(claimsOf(provider.heldTokens.access_token)).toMatchObject({
        iss: issuer,
        aud: resource,
        client_id: provider.clientId,
      });
      expect(provider.heldScopes).toContain('boards:read');
      expect(provider.heldScopes).not.toContain('boards:write');
    });

    it('lists the tools and calls one', async () => {
      expect(await session.listTools()).toEqual(['list_boards', 'get_board', 'create_board']);
      expect(await session.call('list_boards')).toEqual({ boards: [] });
    });

    it('steps up: asks the person again when a tool needs more', async () => {
      recorder.take();
      await sdk.stepUp(session, provider, resource, () => session.call('create_board', { title: 'Plans' }));
      expect(recorder.take()).toContainEqual({ to: 'POST mcp', status: 403, error: 'insufficient_scope' });
      const wanted = provider.takeWanted();
      expect(wanted.searchParams.get('scope')?.split(' ')).toEqual(
        expect.arrayContaining(['boards:read', 'boards:write']),
      );
      await session.finish(provider.accept(await person.authorize(wanted)));
      expect(await session.call('create_board', { title: 'Plans' })).toMatchObject({ board: { title: 'Plans' } });
      expect(await session.call('list_boards')).toMatchObject({ boards: [{ title: 'Plans' }] });
    });

    it('widened the link instead of making another', async () => {
      const [grant, ...others] = await grants();
      expect(others).toEqual([]);
      expect(grant).toMatchObject({ status: 'active', client: { id: provider.clientId } });
      expect(grant?.scopes).toEqual(expect.arrayContaining(['boards:read', 'boards:write']));
    });

    it('refreshes by itself when its access token is not accepted any more', async () => {
      const before = provider.heldTokens;
      provider.spoilAccessToken();
      recorder.take();
      expect(await session.call('list_boards')).toMatchObject({ boards: [{ title: 'Plans' }] });
      const steps = recorder.take().filter(({ to }) => to.startsWith('POST'));
      expect(steps).toEqual([
        { to: 'POST mcp', status: 401, error: 'invalid_token' },
        { to: 'POST token', status: 200, error: undefined },
        { to: 'POST mcp', status: 200, error: undefined },
      ]);
      expect(provider.heldTokens.refresh_token).not.toBe(before.refresh_token);
      expect(provider.wanted).toBeUndefined();
    });

    it('is kept while the admin has suspended it, and goes on by itself when it is resumed', async () => {
      const [grant] = await grants();
      const target = { kind: 'grant', grantId: grant?.id };
      await product.admin('POST', '/tenants/acme/suspensions', { target, reason: 'On leave' });
      const held = provider.heldTokens;
      await until(async () => (await callTool(product.summary.demo.resource, held.access_token)).status === 401);

      recorder.take();
      const refused = session.call('list_boards');
      await expect(refused).rejects.toThrow('the access is suspended by the administrator');
      await expect(refused).rejects.not.toBeInstanceOf(sdk.unauthorized);
      expect(recorder.take().filter(({ to }) => to.startsWith('POST'))).toEqual([
        { to: 'POST mcp', status: 401, error: 'invalid_token' },
        { to: 'POST token', status: 503, error: 'temporarily_unavailable' },
      ]);
      // It has thrown nothing away, and sends nobody to a page.
      expect([provider.held, provider.wanted]).toEqual([held, undefined]);

      await product.admin('POST', '/tenants/acme/resumptions', { target });
      expect(await session.call('list_boards')).toMatchObject({ boards: [{ title: 'Plans' }] });
      expect(provider.wanted).toBeUndefined();
    });

    it('is cut off by the admin at the next call: 401, then invalid_grant, then the SDK starts over', async () => {
      const [grant] = await grants();
      const { status, body } = await product.admin('POST', '/tenants/acme/revocations', {
        target: { kind: 'grant', grantId: grant?.id },
        reason: 'The laptop was stolen',
      });
      expect([status, body]).toEqual([200, expect.objectContaining({ changed: true })]);

      // The feed needs a moment to the enforcement point; it never has more than two seconds.
      const { access_token: revoked } = provider.heldTokens;
      await until(async () => (await callTool(product.summary.demo.resource, revoked)).status === 401);

      recorder.take();
      await expect(session.call('list_boards')).rejects.toBeInstanceOf(sdk.unauthorized);
      expect(recorder.take().filter(({ to }) => to.startsWith('POST'))).toEqual([
        { to: 'POST mcp', status: 401, error: 'invalid_token' },
        { to: 'POST token', status: 400, error: 'invalid_grant' },
      ]);
      expect(provider.held).toBeUndefined();
      expect(provider.wanted?.pathname).toBe('/t/acme/authorize');
    });

    it('may be made anew: the same registration, the person asked again, another grant', async () => {
      const [first] = await grants();
      const page = await person.open(provider.takeWanted());
      expect(page.form('consent')).toBeDefined();
      const answer = await person.decide(page, 'approve');
      await session.finish(provider.accept(answer.location ?? new URL(page.url)));
      expect(await session.call('list_boards')).toMatchObject({ boards: [{ title: 'Plans' }] });
      const [second, old] = await grants();
      expect(second).toMatchObject({ status: 'active', client: { id: provider.clientId } });
      expect(old).toMatchObject({ id: first?.id, status: 'revoked' });
    });

    it('is refused when the admin blocks it as well: the SDK starts over, and no page lets anybody link it', async () => {
      const target = { kind: 'client', clientId: provider.clientId };
      const { status } = await product.admin('POST', '/tenants/acme/revocations', {
        target,
        reason: 'Not what it says that it is',
        block: true,
      });
      expect(status).toBe(200);
      const { access_token: revoked } = provider.heldTokens;
      await until(async () => (await callTool(product.summary.demo.resource, revoked)).status === 401);

      recorder.take();
      await expect(session.call('list_boards')).rejects.toBeInstanceOf(sdk.unauthorized);
      expect(recorder.take().filter(({ to }) => to.startsWith('POST'))).toEqual([
        { to: 'POST mcp', status: 401, error: 'invalid_token' },
        { to: 'POST token', status: 400, error: 'invalid_grant' },
      ]);
      expect(provider.held).toBeUndefined();
      const page = await person.open(provider.takeWanted());
      expect([page.status, page.location, page.heading]).toEqual([403, undefined, 'This app is blocked']);

      // However often it tries, it gets nowhere, and asks the person each time.
      await expect(session.call('list_boards')).rejects.toBeInstanceOf(sdk.unauthorized);
      expect(recorder.take().filter(({ to }) => to.startsWith('POST'))).toEqual([
        { to: 'POST mcp', status: 401, error: undefined },
      ]);
      expect((await person.open(provider.takeWanted())).heading).toBe('This app is blocked');
      expect(new Set((await grants()).map((grant) => grant.status))).toEqual(new Set(['revoked']));
    });
  });
}
