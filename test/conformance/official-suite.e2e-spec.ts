import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commandOf, runClient } from '../support/clients/command.ts';
import { OAuthClient } from '../support/clients/oauth-client.ts';
import { Person } from '../support/clients/person.ts';
import { freePort, type RunningProduct, startProduct } from '../support/product.ts';

interface Check {
  readonly id: string;
  readonly status: string;
  readonly errorMessage?: string;
}

/** What the suite calls its checks of an authorization server; it must not lose one unnoticed. */
const SCENARIOS = ['authorization-server-metadata-endpoint', 'authorization-code-grant'];

describe('the official conformance suite, as a client of our authorization server', () => {
  let product: RunningProduct;
  let person: Person;
  let issuer: string;

  beforeAll(async () => {
    product = await startProduct();
    const { demo } = product.summary;
    person = new Person(demo.user.email, demo.user.password);
    ({ issuer } = demo);
  }, 60_000);

  afterAll(async () => {
    await product?.stop();
  });

  async function run(client: OAuthClient, ...args: string[]): Promise<{ code: number | null; checks: Check[] }> {
    const results = await mkdtemp(join(tmpdir(), 'grantkeeper-conformance-'));
    try {
      const port = new URL(client.redirectUri).port;
      const suite = commandOf('@modelcontextprotocol/conformance', 'conformance');
      const given = ['authorization', '--url', client.issuer, '--client-id', client.id, '--port', port, ...args];
      const { code, output } = await runClient(suite, [...given, '--output-dir', results], person);
      const files = await readdir(results, { recursive: true });
      const checks = await Promise.all(
        files
          .filter((file) => file.endsWith('checks.json'))
          .map(async (file) => JSON.parse(await readFile(join(results, file), 'utf8')) as Check[]),
      );
      for (const scenario of SCENARIOS) expect(output).toMatch(new RegExp(`${scenario}: [1-9]\\d* passed, 0 failed`));
      return { code, checks: checks.flat() };
    } finally {
      await rm(results, { recursive: true, force: true });
    }
  }

  /** Failures and warnings; that documents are not supported is none as long as the metadata does not offer them. */
  async function faultsIn(checks: readonly Check[]): Promise<Check[]> {
    const { origin, pathname } = new URL(issuer);
    const metadata = await fetch(`${origin}/.well-known/oauth-authorization-server${pathname}`);
    const { client_id_metadata_document_supported: documents } = (await metadata.json()) as Record<string, unknown>;
    return checks.filter(
      ({ id, status }) =>
        !['SUCCESS', 'INFO'].includes(status) && (documents === true || id !== 'authorization-server-metadata-cimd'),
    );
  }

  async function register(): Promise<OAuthClient> {
    const redirect = `http://127.0.0.1:${await freePort()}/callback`;
    return OAuthClient.register(issuer, { redirect_uris: [redirect] });
  }

  // With a secret it tries nothing: it takes `none` from any server that offers it, and hosts need us to (CLD-04).
  it('has no failure and no warning (CF-01, CF-02, CF-03, CF-04, CF-05, CF-06, CF-07, CF-08, CF-09)', async () => {
    const { code, checks } = await run(await register());
    expect(await faultsIn(checks)).toEqual([]);
    expect(checks.length).toBeGreaterThanOrEqual(SCENARIOS.length);
    expect(code).toBe(0);
  });

  it('has none when it names the resource', async () => {
    const client = await register();
    const { code, checks } = await run(client, '--resource', client.resource);
    expect(await faultsIn(checks)).toEqual([]);
    expect(code).toBe(0);
  });
});
