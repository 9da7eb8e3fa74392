import type { Adapter, AdapterPayload } from 'oidc-provider';
import type pg from 'pg';

/** One row for each artefact, as its makers' examples for other databases keep them. */
export const TABLE = `
CREATE TABLE IF NOT EXISTS oidc_payloads (
  model text NOT NULL,
  id text NOT NULL,
  payload jsonb NOT NULL,
  grant_id text,
  user_code text,
  uid text,
  expires_at timestamptz,
  PRIMARY KEY (model, id)
);
CREATE INDEX IF NOT EXISTS oidc_payloads_by_grant ON oidc_payloads (grant_id) WHERE grant_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS oidc_payloads_by_uid ON oidc_payloads (uid) WHERE uid IS NOT NULL;
CREATE INDEX IF NOT EXISTS oidc_payloads_by_user_code ON oidc_payloads (user_code) WHERE user_code IS NOT NULL;
`;

const ALIVE = '(expires_at IS NULL OR expires_at > now())';
const STATEMENTS = {
  find: `SELECT payload FROM oidc_payloads WHERE model = $1 AND id = $2 AND ${ALIVE}`,
  findByUid: `SELECT payload FROM oidc_payloads WHERE model = $1 AND uid = $2 AND ${ALIVE}`,
  findByUserCode: `SELECT payload FROM oidc_payloads WHERE model = $1 AND user_code = $2 AND ${ALIVE}`,
  consume: `UPDATE oidc_payloads SET payload = payload || jsonb_build_object('consumed', extract(epoch FROM now())::bigint)
    WHERE model = $1 AND id = $2`,
  destroy: 'DELETE FROM oidc_payloads WHERE model = $1 AND id = $2',
  revoke: 'DELETE FROM oidc_payloads WHERE model = $1 AND grant_id = $2',
  upsert: `INSERT INTO oidc_payloads (model, id, payload, grant_id, user_code, uid, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7))
    ON CONFLICT (model, id) DO UPDATE SET payload = excluded.payload, grant_id = excluded.grant_id,
      user_code = excluded.user_code, uid = excluded.uid, expires_at = excluded.expires_at`,
} as const;

/** A plain PostgreSQL adapter: prepared statements on a pool, each call of the provider one statement. */
export function postgresAdapter(pool: pg.Pool): new (model: string) => Adapter {
  const run = async (name: keyof typeof STATEMENTS, values: unknown[]): Promise<AdapterPayload | undefined> => {
    const { rows } = await pool.query<{ payload: AdapterPayload }>({
      name: `oidc_${name}`,
      text: STATEMENTS[name],
      values,
    });
    return rows[0]?.payload;
  };
  return class PostgresAdapter implements Adapter {
    readonly #model: string;

    constructor(model: string) {
      this.#model = model;
    }

    async upsert(id: string, payload: AdapterPayload, expiresIn?: number): Promise<void> {
      const { grantId, userCode, uid } = payload;
      const expires = expiresIn ?? null;
      await run('upsert', [this.#model, id, JSON.stringify(payload), grantId, userCode, uid, expires]);
    }

    find(id: string): Promise<AdapterPayload | undefined> {
      return run('find', [this.#model, id]);
    }

    findByUid(uid: string): Promise<AdapterPayload | undefined> {
      return run('findByUid', [this.#model, uid]);
    }

    findByUserCode(userCode: string): Promise<AdapterPayload | undefined> {
      return run('findByUserCode', [this.#model, userCode]);
    }

    async consume(id: string): Promise<void> {
      await run('consume', [this.#model, id]);
    }

    async destroy(id: string): Promise<void> {
      await run('destroy', [this.#model, id]);
    }

    async revokeByGrantId(grantId: string): Promise<void> {
      await run('revoke', [this.#model, grantId]);
    }
  };
}
