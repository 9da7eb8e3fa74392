import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import { decrypt, encrypt } from './aead.ts';

/**
 * Wraps data keys under key-encryption keys that it keeps to itself. `context` is bound to the wrapped key: it can be
 * unwrapped only where it belongs.
 */
export abstract class KeyProvider {
  abstract wrap(dataKey: Uint8Array, context: string): Promise<string>;
  abstract unwrap(wrapped: string, context: string): Promise<Buffer>;
}

/** A master key of this deployment; `version` names it in what it has sealed. */
export interface MasterKeyVersion {
  readonly version: number;
  readonly key: Uint8Array;
}

/** Secrets that are derived from the master keys, one family of them per purpose (RFC 5869). */
export class MasterSecrets {
  readonly #keys: ReadonlyMap<number, Uint8Array>;
  readonly current: number;
  readonly #derived = new Map<string, KeyObject>();

  /** The first key is current, the others still open what they sealed. */
  constructor(keys: readonly MasterKeyVersion[]) {
    if (!keys[0]) throw new TypeError('At least one master key is needed.');
    this.current = keys[0].version;
    this.#keys = new Map(keys.map(({ version, key }) => [version, key]));
  }

  /** The 32-byte secret for `purpose` under key `version`, or undefined when there is no such version. */
  derive(purpose: string, version = this.current): KeyObject | undefined {
    const master = this.#keys.get(version);
    if (!master) return undefined;
    const name = `${version}/${purpose}`;
    let secret = this.#derived.get(name);
    if (!secret) {
      // A key object: an HMAC under plain bytes costs Node six times as much.
      secret = createSecretKey(Buffer.from(hkdfSync('sha256', master, 'grantkeeper', purpose, 32)));
      this.#derived.set(name, secret);
    }
    return secret;
  }
}

/** Key-encryption keys from the local master keys: for one machine, for development, or where a secret store mounts them. */
export class LocalKeyProvider extends KeyProvider {
  constructor(private readonly secrets: MasterSecrets) {
    super();
  }

  override async wrap(dataKey: Uint8Array, context: string): Promise<string> {
    const version = this.secrets.current;
    return `local.${version}.${encrypt(this.secrets.derive('key-encryption', version)!, context, dataKey)}`;
  }

  override async unwrap(wrapped: string, context: string): Promise<Buffer> {
    const [provider, version, sealed] = wrapped.split('.');
    const key = provider === 'local' ? this.secrets.derive('key-encryption', Number(version)) : undefined;
    if (!key || sealed === undefined) throw new Error('The key-encryption key of a wrapped data key is not here.');
    return decrypt(key, context, sealed);
  }
}
