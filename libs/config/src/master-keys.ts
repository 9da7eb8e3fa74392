// Refresh tokens name their version in one byte.
const MAX_VERSION = 255;

/** A key-encryption key of the deployment. `version` names it in what it has sealed, so it is never given to another. */
export interface MasterKey {
  readonly version: number;
  readonly key: Uint8Array;
}

/**
 * The keys in `version:base64(32 bytes)[,…]`: the first is current, the others still open what they sealed.
 * Null when the text is anything else; the reason is not told, since it would have to quote a secret.
 */
export function parseMasterKeys(text: string): readonly MasterKey[] | null {
  const keys: MasterKey[] = [];
  for (const entry of text.split(',')) {
    const [, version, encoded] = /^\s*([1-9]\d{0,5}):([A-Za-z0-9+/_-]+={0,2})\s*$/.exec(entry) ?? [];
    if (version === undefined || encoded === undefined) return null;
    const key = Buffer.from(encoded, 'base64');
    if (key.length !== 32 || Number(version) > MAX_VERSION || keys.some((other) => other.version === Number(version)))
      return null;
    keys.push({ version: Number(version), key });
  }
  return keys;
}
