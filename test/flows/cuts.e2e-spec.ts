import { decodeJwt } from 'jose';
import pg from 'pg';
import { callAdmin, eventsOf, type Problem } from '../support/clients/admin.ts';
import { OAuthClient, type TokenBody } from '../support/clients/oauth-client.ts';
import { Person } from '../support/clients/person.ts';
import { callTool, refusedCall } from '../support/clients/tool-call.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';
import { until } from '../support/until.ts';

interface Preview {
  readonly preview: string;
  readonly links: number;
  readonly people: number;
  readonly clients: number;
  readonly list: readonly { readonly id: string; readonly userId: string; readonly clientId: string }[];
  readonly next: string | null;
}
interface Cut {
  readonly id: string;
  readonly state: string;
  readonly done: number | null;
  readonly receiptUrl: string | null;
  readonly progress: Record<string, number>;
}
interface Linked {
  readonly person: Person & { readonly id: string };
  readonly client: OAuthClient;
  readonly tokens: TokenBody;
}

describe('wider cuts', () => {
  let product: RunningProduct;
  let issuer: string;
  let resource: string;
  let owner: pg.Client;
  let people = 0;

  beforeAll(async () => {
    product = await startProduct();
    ({ issuer, resource } = product.summary.demo);
    owner = new pg.Client({ connectionString: product.databaseUrl });
    await owner.connect();
  }, 60_000);

  afterAll(async () => {
    await owner?.end();
    await product?.stop();
  });

  async function newPerson(): Promise<Person & { readonly id: string }> {
    people += 1;
    const person = new Person(`cut-${people}@acme.example`, 'a long enough password');
    const { email, password } = person;
    const { body } = await product.admin<{ id: string }>('POST', '/tenants/acme/users', { email, password });
    return Object.assign(person, { id: body.id });
  }

  async function link(software: string): Promise<Linked> {
    const person = await newPerson();
    const client = await OAuthClient.register(issuer, { software_id: software });
    return { person, client, tokens: await client.link(person) };
  }

  const preview = (where: object, limit?: number) =>
    product.admin<Preview>('POST', '/tenants/acme/cuts/preview', { where, ...(limit !== undefined && { limit }) });
  const ask = (id: string, act: string, headers?: Record<string, string>) =>
    product.admin<Cut>('POST', '/tenants/acme/cuts', { preview: id, act, reason: 'A bad agent' }, headers);
  const cut = async (id: string) => (await product.admin<Cut>('GET', `/tenants/acme/cuts/${id}`)).body;
  const becomes = (id: string, state: string) => until(async () => (await cut(id)).state === state);
  const newKey = async (name: string) =>
    (await product.admin<{ key: string }>('POST', '/tenants/acme/admin-keys', { name })).body.key;
  const problem = ({ status, body }: { status: number; body: unknown }) => [status, (body as Problem).type];

  it('of a software end what the preview has shown at every server, under one receipt', async () => {
    const [first, second, innocent] = [await link('agent-1'), await link('agent-1'), await link('agent-2')];
    const shown = (await preview({ subjects: ['software:agent-1'], scope: 'boards:read' })).body;
    expect(shown).toMatchObject({ links: 2, people: 2, clients: 2, next: null });
    expect(shown.list[0]).toMatchObject({ state: null });
    expect(shown.list.map((one) => one.userId).sort()).toEqual([first.person.id, second.person.id].sort());
    expect((await callTool(resource, first.tokens.access_token)).status).toBe(200);
    const later = await link('agent-1');

    const key = { 'idempotency-key': 'cut-agent-1' };
    const asked = await ask(shown.preview, 'revoke', key);
    expect([asked.status, asked.body.id]).toEqual([202, shown.preview]);
    expect((await ask(shown.preview, 'revoke', key)).body.id).toBe(shown.preview);
    expect(problem(await ask(shown.preview, 'suspend', key))).toEqual([409, 'urn:problem:command.id_reused']);
    expect(problem(await ask(shown.preview, 'revoke'))).toEqual([409, 'urn:problem:cut.already_requested']);
    await becomes(shown.preview, 'finished');

    for (const { client, tokens } of [first, second]) {
      expect(await refusedCall(resource, tokens.access_token)).toMatchObject({ status: 401, error: 'invalid_token' });
      expect((await client.refresh(tokens.refresh_token)).body.error).toBe('invalid_grant');
    }
    for (const { tokens } of [innocent, later])
      expect((await callTool(resource, tokens.access_token)).status).toBe(200);
    const events = (await eventsOf(product)).map((event) => event.type);
    expect(events.filter((type) => type.startsWith('Cut'))).toEqual(['CutRequested', 'CutFinished']);

    const done = await cut(shown.preview);
    expect(done).toMatchObject({
      act: 'revoke',
      where: { subjects: ['software:agent-1'], scope: 'boards:read' },
      reason: 'A bad agent',
      done: 2,
      passedOver: 0,
      progress: { pending: 0, done: 2 },
    });
    const receipt = () =>
      product.admin<{ settled: boolean; revocation: { kind: string }; jws: string }>(
        'GET',
        done.receiptUrl!.replace('/admin/v1', ''),
      );
    await until(async () => (await receipt()).body.settled);
    const { body: signed } = await receipt();
    const about = { id: shown.preview, act: 'revoke', links: 2, requestedSeq: expect.any(Number) as unknown };
    expect(signed).toMatchObject({ revocation: { kind: 'grant' }, cut: about });
    expect(decodeJwt<{ receipt: object }>(signed.jws).receipt).toMatchObject({ cut: about });
    const { body: listed } = await product.admin<{ list: object[]; next: string | null }>(
      'GET',
      `/tenants/acme/cuts/${done.id}/links?state=done&limit=1`,
    );
    expect(listed).toMatchObject({ list: [{ id: shown.list[0]!.id, state: 'done' }], next: shown.list[0]!.id });
    const { body: all } = await product.admin<{ cuts: { id: string }[] }>('GET', '/tenants/acme/cuts');
    expect(all.cuts[0]!.id).toBe(done.id);
  });

  it('that suspend are undone: clients go on by themselves', async () => {
    const [one, held] = [await link('agent-3'), await link('agent-3')];
    const { preview: id } = (await preview({ subjects: ['software:agent-3'] })).body;
    await ask(id, 'suspend');
    await becomes(id, 'finished');
    expect((await one.client.refresh(one.tokens.refresh_token)).status).toBe(503);
    const grantOf = async ({ client }: Linked) =>
      (await product.admin<{ grants: { id: string }[] }>('GET', `/tenants/acme/grants?client=${client.id}`)).body
        .grants[0]!.id;
    const target = { kind: 'grant', grantId: await grantOf(held) };
    await product.admin('POST', '/tenants/acme/resumptions', { target });
    await product.admin('POST', '/tenants/acme/suspensions', { target, reason: 'Another matter' });

    const undone = await product.admin<Cut>('POST', `/tenants/acme/cuts/${id}/undo`, { reason: 'All well' });
    expect([undone.status, undone.body.state]).toEqual([202, expect.stringMatching(/^undo/)]);
    await becomes(id, 'undone');
    expect(await cut(id)).toMatchObject({ resumed: 1, kept: 1, undoReason: 'All well' });
    expect((await one.client.refresh(one.tokens.refresh_token)).status).toBe(200);
    expect((await held.client.refresh(held.tokens.refresh_token)).status).toBe(503);
  });

  it('find people by where they consented from', async () => {
    const { client } = await link('agent-4');
    const found = async (network: string) => (await preview({ clientId: client.id, network })).body.links;
    const here = [await found('127.0.0.0/8'), await found('::1')];
    expect(here.reduce((sum, links) => sum + links)).toBe(1);
    expect(await found('192.0.2.0/24')).toBe(0);
  });

  describe('above the size of the policy', () => {
    let keys: [string, string];
    beforeAll(async () => {
      await product.admin('PATCH', '/tenants/acme/policy', { cutApprovalAbove: 0 });
      keys = [await newKey('one'), await newKey('another')];
    });

    async function asked(): Promise<{ id: string; linked: Linked }> {
      const linked = await link('agent-5');
      const { preview: id } = (await preview({ clientId: linked.client.id })).body;
      const body = { preview: id, act: 'revoke', reason: 'Too much' };
      const answer = await callAdmin(product, keys[0], 'POST', '/tenants/acme/cuts', body);
      expect(answer).toMatchObject({
        status: 202,
        body: { state: 'awaiting_approval', expiresAt: expect.any(String) },
      });
      return { id, linked };
    }
    const decide = (key: string, id: string, what: string, body: object = {}) =>
      callAdmin(product, key, 'POST', `/tenants/acme/cuts/${id}/${what}`, body);

    it('wait for another key than that which asked', async () => {
      const { id, linked } = await asked();
      expect(problem(await decide(keys[0], id, 'approval'))).toEqual([403, 'urn:problem:cut.own_request']);
      expect((await callTool(resource, linked.tokens.access_token)).status).toBe(200);
      expect((await decide(keys[1], id, 'approval', { reason: 'Seen' })).status).toBe(202);
      await becomes(id, 'finished');
      expect(await cut(id)).toMatchObject({ done: 1, decisionReason: 'Seen' });
      expect((await refusedCall(resource, linked.tokens.access_token)).status).toBe(401);
    });

    it('end nothing when they are refused, or nobody approves them in time', async () => {
      const refused = await asked();
      expect((await decide(keys[1], refused.id, 'refusal', { reason: 'No' })).body).toMatchObject({ state: 'refused' });
      expect(problem(await decide(keys[1], refused.id, 'approval'))).toEqual([
        409,
        'urn:problem:cut.not_awaiting_approval',
      ]);
      const late = await asked();
      await owner.query(`UPDATE cuts SET expires_at = now() - interval '1 second' WHERE cut_id = $1`, [late.id]);
      expect((await cut(late.id)).state).toBe('expired');
      expect(problem(await decide(keys[1], late.id, 'approval'))).toEqual([409, 'urn:problem:cut.request_expired']);
      for (const { linked } of [refused, late])
        expect((await callTool(resource, linked.tokens.access_token)).status).toBe(200);
    });
  });

  it.each([
    ['nothing', {}, 'where'],
    ['a network with too long a prefix', { network: '192.0.2.0/33' }, 'where.network'],
    ['an address of one machine', { network: 'fe80::1%eth0' }, 'where.network'],
    ['a subject of no kind', { subjects: ['agent-1'] }, 'where.subjects.0'],
    ['a day that there is not', { unusedSince: '2026-02-30' }, 'where.unusedSince'],
    ['a year that no database has', { grantedBefore: '0000-01-01T00:00:00Z' }, 'where.grantedBefore'],
    ['what cuts do not know', { colour: 'red' }, 'where.colour'],
  ])('refuse %s', async (_what, where, field) => {
    const { status, body } = await product.admin<Problem>('POST', '/tenants/acme/cuts/preview', { where });
    expect([status, body.type, body.field]).toEqual([422, 'urn:problem:request.invalid', field]);
  });

  it('say what there is not', async () => {
    const nobody = '0190a000-0000-7000-8000-000000000000';
    expect(problem(await ask(nobody, 'revoke'))).toEqual([404, 'urn:problem:cut.preview_not_found']);
    expect(problem(await product.admin('GET', `/tenants/acme/cuts/${nobody}`))).toEqual([
      404,
      'urn:problem:cut.not_found',
    ]);
    expect(problem(await product.admin('GET', '/tenants/acme/cuts/nothing'))).toEqual([
      404,
      'urn:problem:cut.not_found',
    ]);
    const empty = (await preview({ metadataDigest: 'nothing' })).body;
    expect(problem(await ask(empty.preview, 'revoke'))).toEqual([409, 'urn:problem:cut.empty']);
  });
});
