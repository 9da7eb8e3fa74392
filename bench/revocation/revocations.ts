import type { BenchDatabase } from '../support/database.ts';
import type { Deployment } from './deployment.ts';
import type { Token } from './tokens.ts';

/** Revokes these tokens, `lanes` requests at a time, in their order. */
export async function revokeAll(
  { committing, tenancy }: Deployment,
  tokens: readonly Token[],
  lanes: number,
  requested: Map<string, number>,
  onAnswer: () => void,
): Promise<void> {
  const left = [...tokens].reverse();
  const lane = async (): Promise<void> => {
    for (let next = left.pop(); next; next = left.pop()) {
      const { id: tokenId, grantId, familyId } = next;
      requested.set(tokenId, Date.now());
      try {
        const response = await fetch(`${committing.origin}/admin/v1/tenants/bench/revocations`, {
          method: 'POST',
          headers: { authorization: `Bearer ${tenancy.adminKey}`, 'content-type': 'application/json' },
          body: JSON.stringify({ target: { kind: 'token', grantId, familyId, tokenId }, reason: 'bench' }),
        });
        const text = await response.text();
        if (!response.ok) throw new Error(`A revocation was answered ${response.status}: ${text}`);
        onAnswer();
      } catch (error) {
        // The node was killed. What it has committed is read from the database.
        if (!(error instanceof TypeError)) throw error;
        return;
      }
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

/** When each of them was committed, in milliseconds since 1970; a moment before, as the time is taken under the lock. */
export async function commitsOf(
  database: BenchDatabase,
  tenantId: string,
  tokens: readonly Token[],
): Promise<Map<string, number>> {
  const rows = await database.run<{ id: string; at: number }>(
    `SELECT token_id AS id, (extract(epoch FROM revoked_at) * 1000)::float8 AS at FROM revocations
     WHERE tenant_id = $1 AND kind = 'token' AND token_id = ANY($2)`,
    [tenantId, tokens.map(({ id }) => id)],
  );
  return new Map(rows.map(({ id, at }) => [id, at]));
}
