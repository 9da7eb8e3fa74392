import { BlockList, isIP, isIPv4 } from 'node:net';
import { Injectable } from '@nestjs/common';
import { Database } from '@grantkeeper/event-store';
import { PersonalData } from '@grantkeeper/keys';
import { DomainError, type TenantId } from '@grantkeeper/kernel';
import { type RawBuilder, sql } from 'kysely';

/** Each is opened under its person's key: more than this is a matter of minutes. */
const MOST_OPENED = 10_000;

/** Finds links by where people were when they consented. Addresses are sealed, so candidates are opened one by one. */
@Injectable()
export class ConsentNetworks {
  constructor(
    private readonly database: Database,
    private readonly personalData: PersonalData,
  ) {}

  /**
   * The ids of the links that `living` selects of `grant_standing g` and of which a consent, the first or a later one,
   * came from `network` (an address or a prefix). Of people whose key is gone nothing is known. Rejects with
   * `cut.too_many_candidates` when more than {@link MOST_OPENED} consents would have to be opened.
   */
  async grantsFrom(tenantId: TenantId, network: string, living: RawBuilder<unknown>): Promise<string[]> {
    const { rows } = await this.database.asTenant(tenantId, (tx) =>
      sql<{ grantId: string; userId: string; sealed: string; wrapped: string | null }>`
        SELECT g.grant_id AS "grantId", g.user_id AS "userId", e.personal->>'address' AS sealed, k.wrapped
        FROM grant_standing g
        JOIN events e ON e.tenant_id = g.tenant_id AND e.stream_type = 'grant' AND e.stream_id = g.grant_id::text
          AND e.type IN ('GrantCreated', 'GrantWidened', 'GrantRenewed') AND e.personal ? 'address'
        LEFT JOIN person_keys k ON k.tenant_id = g.tenant_id AND k.user_id = g.user_id
        WHERE ${living} LIMIT ${MOST_OPENED + 1}`.execute(tx),
    );
    if (rows.length > MOST_OPENED) {
      const message = `More than ${MOST_OPENED} consents would have to be opened; name something else as well.`;
      throw new DomainError('cut.too_many_candidates', message, 'conflict', 'where.network');
    }
    const contains = matcherOf(network);
    const found = new Set<string>();
    for (const { grantId, userId, sealed, wrapped } of rows) {
      if (found.has(grantId)) continue;
      if (wrapped !== null) await this.personalData.learn(tenantId, userId, wrapped);
      const address = await this.personalData.open(tenantId, 'address', sealed);
      if (address !== null && contains(address)) found.add(grantId);
    }
    return [...found];
  }
}

/** Whether an address is in a network. IPv4 in IPv6 (`::ffff:…`) is the IPv4 address. */
function matcherOf(network: string): (address: string) => boolean {
  const [address = '', prefix] = network.split('/');
  const list = new BlockList();
  const family = isIPv4(address) ? 'ipv4' : 'ipv6';
  list.addSubnet(address, prefix === undefined ? (family === 'ipv4' ? 32 : 128) : Number(prefix), family);
  return (candidate) => {
    const [plain = ''] = candidate.split('%');
    return isIP(plain) !== 0 && list.check(plain, isIPv4(plain) ? 'ipv4' : 'ipv6');
  };
}
