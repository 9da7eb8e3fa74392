import { createHash, randomBytes } from 'node:crypto';
import type { BenchDatabase } from './database.ts';
import type { Parties, Person } from './figure.ts';
import type { Http } from './http.ts';
import { inBatches } from './in-batches.ts';

export const REDIRECT_URI = 'https://client.example/callback';

/** A tenant as the admin API tells of it. */
export interface Place {
  /** Slug. */
  readonly tenant: string;
  readonly issuer: string;
  readonly resource: string;
  readonly adminKey: string;
}

/** The tenant, its signed-in people and its registered clients. */
export class World implements Parties {
  /** Paths of the tenant's issuer and MCP server: everything is sent to the loopback address. */
  readonly issuer: string;
  readonly mcp: string;
  readonly resource: string;
  readonly #http: Http;
  readonly #database: BenchDatabase;
  readonly #tenant: string;
  readonly #admin: string;

  constructor(http: Http, database: BenchDatabase, { tenant, issuer, resource, adminKey }: Place) {
    this.#http = http;
    this.#database = database;
    this.issuer = new URL(issuer).pathname;
    this.mcp = new URL(resource).pathname;
    this.resource = resource;
    this.#tenant = tenant;
    this.#admin = `Bearer ${adminKey}`;
  }

  /**
   * People without a password, and their sessions straight into the database: signing in costs some 50 ms of argon2id
   * by intent, and these figures begin where somebody is signed in.
   */
  async people(count: number): Promise<Person[]> {
    const tenant = `/admin/v1/tenants/${this.#tenant}`;
    const headers = { authorization: this.#admin };
    const { id: tenantId } = JSON.parse((await this.#http.get(200, tenant, headers)).text) as { id: string };
    const users = await inBatches(count, async () => {
      const email = `${randomBytes(9).toString('hex')}@bench.example`;
      return (JSON.parse((await this.#http.json(201, `${tenant}/users`, { email }, headers)).text) as { id: string })
        .id;
    });
    const secrets = users.map(() => randomBytes(32).toString('base64url'));
    const hashes = secrets.map((secret) => createHash('sha256').update(secret).digest());
    await this.#database.asTenant(
      tenantId,
      `INSERT INTO sessions (tenant_id, session_hash, session_id, user_id, born_epoch, born_seq, auth_time, amr, expires_at)
       SELECT h.tenant_id, s.hash, gen_random_uuid(), s.user_id, h.epoch, h.seq, now(), '{pwd}', now() + interval '8 hours'
       FROM heads h, unnest($2::uuid[], $3::bytea[]) AS s(user_id, hash) WHERE h.tenant_id = $1`,
      [tenantId, users, hashes],
    );
    return secrets.map((secret) => ({ cookie: `gk_session_${this.#tenant}=${secret}` }));
  }

  clients(count: number): Promise<string[]> {
    return inBatches(count, () => this.register());
  }

  async register(): Promise<string> {
    const metadata = {
      client_name: 'Bench',
      redirect_uris: [REDIRECT_URI],
      grant_types: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_method: 'none',
    };
    const { text } = await this.#http.json(201, `${this.issuer}/register`, metadata);
    return (JSON.parse(text) as { client_id: string }).client_id;
  }
}
