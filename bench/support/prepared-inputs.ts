import type { ConsentingTenants } from './consenting-tenants.ts';

/** Arguments of one call of the SQL function `append`, as the product's event store would send them. */
export interface PreparedInput {
  readonly tenantId: string;
  readonly input: string;
}

/** Appends of one event over all tenants in turn, decided, projected, sealed and written as JSON beforehand. */
export async function prepareInputs(tenants: ConsentingTenants, count: number): Promise<PreparedInput[]> {
  const prepared: PreparedInput[] = [];
  const store = tenants.dry((tenantId, input) => prepared.push({ tenantId, input: JSON.stringify(input) }));
  const { length } = tenants.tenantIds;
  for (let number = 0; number < count; number += 1) {
    await store.append(tenants.consents(Math.floor(Math.random() * length)));
  }
  return prepared;
}
