/** What the credential of an enforcement point names: `gkp_` and base64url of tenant, point and a secret. */
export interface PointIdentity {
  /** UUIDs. */
  readonly tenant: string;
  readonly pointId: string;
}

/** Reads a credential; throws a `TypeError`, which does not quote it, for what is none. */
export function readPointCredential(credential: string): PointIdentity {
  if (!/^gkp_[A-Za-z0-9_-]{86}$/.test(credential))
    throw new TypeError('credential must be that of an enforcement point: gkp_ and 86 characters.');
  const bytes = Buffer.from(credential.slice(4), 'base64url');
  return { tenant: uuid(bytes.subarray(0, 16)), pointId: uuid(bytes.subarray(16, 32)) };
}

function uuid(bytes: Buffer): string {
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
