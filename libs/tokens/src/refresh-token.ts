import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { MasterSecrets } from '@grantkeeper/keys';
import { isUuid, tenantId, type TenantId } from '@grantkeeper/kernel';

const PREFIX = 'gkr_';
const HEADER = 1 + 16 + 16 + 4;
const OUTER = 16;
const INNER = 32;
const MAX_VERSION = 255;

/** What a refresh token names. */
export interface RefreshTokenName {
  readonly tenantId: TenantId;
  readonly familyId: string;
  readonly generation: number;
}

/** A refresh token whose outer tag is proven, with what proves the inner one. */
export interface PresentedRefreshToken extends RefreshTokenName {
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
  derive(name: RefreshTokenName, salt: Uint8Array): string {
    const version = this.secrets.current;
    const header = Buffer.alloc(HEADER);
    header.writeUInt8(version, 0);
    header.set(uuidBytes(name.tenantId), 1);
    header.set(uuidBytes(name.familyId), 17);
    header.writeUInt32BE(name.generation, 33);
    const tag = createHash('sha256').update(salt).update(this.#inner(header, version)!).digest();
    return PREFIX + Buffer.concat([header, this.#outer(header, version)!, tag]).toString('base64url');
  }

  /** What a presented token names; undefined for anything that this deployment cannot have issued. */
  nameOf(token: string): RefreshTokenName | undefined {
    const bytes = this.#proven(token);
    return bytes && nameIn(bytes);
  }

  /** Reads a presented token; undefined for anything that this deployment cannot have issued. */
  read(token: string): PresentedRefreshToken | undefined {
    const bytes = this.#proven(token);
    return (
      bytes && {
        ...nameIn(bytes),
        inner: this.#inner(bytes.subarray(0, HEADER), bytes.readUInt8(0))!.toString('hex'),
        tag: bytes.subarray(HEADER + OUTER).toString('hex'),
      }
    );
  }

  /** The bytes of a token whose outer tag is right. */
  #proven(token: string): Buffer | undefined {
    if (!token.startsWith(PREFIX) || token.length > 256) return undefined;
    const text = token.slice(PREFIX.length);
    const bytes = Buffer.from(text, 'base64url');
    // The second test refuses other spellings of the same bytes: one token, one string.
    if (bytes.length !== HEADER + OUTER + INNER || bytes.toString('base64url') !== text) return undefined;
    const outer = this.#outer(bytes.subarray(0, HEADER), bytes.readUInt8(0));
    return outer && timingSafeEqual(outer, bytes.subarray(HEADER, HEADER + OUTER)) ? bytes : undefined;
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

function nameIn(bytes: Buffer): RefreshTokenName {
  return {
    tenantId: tenantId(uuidText(bytes.toString('hex', 1, 17))),
    familyId: uuidText(bytes.toString('hex', 17, 33)),
    generation: bytes.readUInt32BE(33),
  };
}

function uuidText(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
