import { createHmac, timingSafeEqual } from 'node:crypto';
import type { MasterSecrets } from '@grantkeeper/keys';

const PREFIX = 'gkp_cell';

/**
 * The credential with which our own services follow the feed of all tenants. Derived from the master key that they all
 * have, so that there is nothing to hand out and nothing stored that works as one.
 */
export function cellCredential(secrets: MasterSecrets): string {
  return `${PREFIX}.${secrets.current}.${tagOf(secrets, secrets.current)!}`;
}

/** Whether a credential is that of one of our services, under any of the master keys. */
export function isCellCredential(secrets: MasterSecrets, credential: string): boolean {
  const [prefix, version, tag = ''] = credential.split('.');
  if (prefix !== PREFIX) return false;
  const expected = tagOf(secrets, Number(version));
  if (expected === undefined) return false;
  const [given, due] = [Buffer.from(tag), Buffer.from(expected)];
  return given.length === due.length && timingSafeEqual(given, due);
}

function tagOf(secrets: MasterSecrets, version: number): string | undefined {
  const key = secrets.derive('enforcement-point/cell', version);
  return key && createHmac('sha256', key).update(PREFIX).digest('base64url');
}
