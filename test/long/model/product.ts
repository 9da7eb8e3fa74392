import { randomBytes } from 'node:crypto';
import { Database, EventStore } from '@grantkeeper/event-store';
import { LocalKeyProvider, MasterSecrets, PersonalData, TenantKeys } from '@grantkeeper/keys';
import { inlineProjections } from '@grantkeeper/read-models';
import { RevokeAccessHandler } from '../../../libs/revocation/src/revoke-access.handler.ts';

/** The parts of a service that the model drives, on connections that may be cut at any moment. */
export interface Product {
  readonly database: Database;
  readonly store: EventStore;
  readonly tenantKeys: TenantKeys;
  readonly personalData: PersonalData;
  readonly revoke: RevokeAccessHandler;
}

/** The master key of this process, for those that it starts. */
export const masterKey = randomBytes(32);
const secrets = new MasterSecrets([{ version: 1, key: masterKey }]);

/** All that are opened in a process share the master key, as copies of a service do. */
export function openProduct(url: string): Product {
  const database = new Database({ url, max: 6, onError: () => undefined });
  const tenantKeys = new TenantKeys(database, new LocalKeyProvider(secrets));
  const personalData = new PersonalData(database, tenantKeys);
  const store = new EventStore(database, inlineProjections, personalData);
  return { database, store, tenantKeys, personalData, revoke: new RevokeAccessHandler(database, store) };
}
