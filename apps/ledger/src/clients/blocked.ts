import { type RawBuilder, sql } from 'kysely';

/** Whether a rule blocks the client in the row `alias` of `clients`; in a transaction that is put to the past, then. */
export function blockedBy(alias: string): RawBuilder<boolean> {
  const of = (column: string) => sql.ref(`${alias}.${column}`);
  return sql<boolean>`EXISTS (SELECT FROM client_rules x WHERE x.tenant_id = ${of('tenant_id')}
    AND x.subject = ANY (${of('subjects')}) AND x.effect = 'block' AND x.removed_seq IS NULL)`;
}
