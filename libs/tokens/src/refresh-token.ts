import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { MasterSecrets } from '@grantkeeper/keys';
import { isUuid, tenantId, type TenantId } from '@grantkeeper/kernel';

const PREFIX = 'gkr_';
const HEADER = 1 + 16 + 16 + 4;
const OUTER = 16;
const INNER = 32;
const MAX_VERSION = 255;

/** What a refresh token names, its outer tag proven. */
export interface PresentedRefreshToken {
  readonly tenantId: TenantId;
  readonly familyId: string;
  readonly generation: number;
  /** What the database needs, with the family's salt, to make the inner tag; hex. */
  readonly inner: string;
  /** The inner tag as presented; hex. */
  readonly tag: string;
}

/**
 * Refresh tokens are derived, never stored: key version, tenant, family and generation, then two tags. The outer tag
 * (HMAC under the deployment's secret) rejects junk without a query. The inner one also takes the family's salt, so that
 * neither a dump of the database nor the master key alone makes a token. The successor of a token can be made again, so
 * the same retry gets the same answer.
 */
export class RefreshTokens {
  constructor(private readonly secrets: MasterSecrets) {}

  /** The refresh token of one generation of a family; `salt` is the family's, 32 bytes. */
  derive(name: { tenantId: TenantId; familyId: string; generation: number }, salt: Uint8Array): string {
    const version = this.secrets.current;
    const header = Buffer.alloc(HEADER);
    header.writeUInt8(version, 0);
    header.set(uuidBytes(name.tenantId), 1);
    header.set(uuidBytes(name.familyId), 17);
    header.writeUInt32BE(name.generation, 33);
    const tag = createHash('sha256').update(salt).update(this.#inner(header, version)!).digest();
    return PREFIX + Buffer.concat([header, this.#outer(header, version)!, tag]).toString('base64url');
  }

  /** Reads a presented token; undefined for anything that this deployment cannot have issued. */
  read(token: string): PresentedRefreshToken | undefined {
    if (!token.startsWith(PREFIX) || token.length > 256) return undefined;
    const text = token.slice(PREFIX.length);
    const bytes = Buffer.from(text, 'base64url');
    // The second test refuses other spellings of the same bytes: one token, one string.
    if (bytes.length !== HEADER + OUTER + INNER || bytes.toString('base64url') !== text) return undefined;
    const header = bytes.subarray(0, HEADER);
    const version = header.readUInt8(0);
    const outer = this.#outer(header, version);
    if (!outer || !timingSafeEqual(outer, bytes.subarray(HEADER, HEADER + OUTER))) return undefined;
    return {
      tenantId: tenantId(uuidText(header.subarray(1, 17))),
      familyId: uuidText(header.subarray(17, 33)),
      generation: header.readUInt32BE(33),
      inner: this.#inner(header, version)!.toString('hex'),
      tag: bytes.subarray(HEADER + OUTER).toString('hex'),
    };
  }

  #outer(header: Uint8Array, version: number): Buffer | undefined {
    const secret = version <= MAX_VERSION ? this.secrets.derive('refresh-token-outer', version) : undefined;
    return secret && createHmac('sha256', secret).update(header).digest().subarray(0, OUTER);
  }

  #inner(header: Uint8Array, version: number): Buffer | undefined {
    const secret = this.secrets.derive('refresh-token-inner', version);
    return secret && createHmac('sha256', secret).update(header).digest();
  }
}

function uuidBytes(uuid: string): Buffer {
  if (!isUuid(uuid)) throw new TypeError('not a UUID');
  return Buffer.from(uuid.replaceAll('-', ''), 'hex');
}

function uuidText(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
