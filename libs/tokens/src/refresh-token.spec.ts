import { createHash, randomBytes } from 'node:crypto';
import { MasterSecrets } from '@grantkeeper/keys';
import { tenantId } from '@grantkeeper/kernel';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RefreshTokens } from './refresh-token.ts';

const secrets = new MasterSecrets([
  { version: 2, key: randomBytes(32) },
  { version: 1, key: randomBytes(32) },
]);
const tokens = new RefreshTokens(secrets);
const salt = randomBytes(32);
const name = {
  tenantId: tenantId('0190a000-0000-7000-8000-000000000001'),
  familyId: '0190a000-0000-7000-8000-000000000002',
  generation: 7,
};

describe('refresh tokens', () => {
  it('are read back as what they were derived for', () => {
    expect(tokens.read(tokens.derive(name, salt))).toMatchObject(name);
  });

  it('are derived anew to the same text, so that a retry gets the same answer', () => {
    expect(tokens.derive(name, salt)).toBe(tokens.derive(name, salt));
  });

  it('carry the inner tag that salt and master key make together', () => {
    const { inner, tag } = tokens.read(tokens.derive(name, salt))!;
    expect(createHash('sha256').update(salt).update(Buffer.from(inner, 'hex')).digest('hex')).toBe(tag);
    expect(tokens.read(tokens.derive(name, randomBytes(32)))!.tag).not.toBe(tag);
  });

  it('differ by generation, family and tenant', () => {
    const all = [name, { ...name, generation: 8 }, { ...name, familyId: name.tenantId as string }].map((each) =>
      tokens.derive(each, salt),
    );
    expect(new Set(all).size).toBe(3);
  });

  it('of an older master key are still read', () => {
    const old = new RefreshTokens(new MasterSecrets([{ version: 1, key: secretsKey(1) }])).derive(name, salt);
    expect(
      new RefreshTokens(
        new MasterSecrets([
          { version: 9, key: randomBytes(32) },
          { version: 1, key: secretsKey(1) },
        ]),
      ).read(old),
    ).toMatchObject(name);
  });

  it('of another deployment are junk', () => {
    const foreign = new RefreshTokens(new MasterSecrets([{ version: 2, key: randomBytes(32) }])).derive(name, salt);
    expect(tokens.read(foreign)).toBeUndefined();
  });

  it('with any byte changed are junk or keep a tag that no family has', () => {
    const good = Buffer.from(tokens.derive(name, salt).slice(4), 'base64url');
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const bad = Buffer.from(good);
        bad[at]! ^= flip;
        const read = tokens.read(`gkr_${bad.toString('base64url')}`);
        // Only the inner tag, the last 32 bytes, is left to the database.
        expect(read === undefined).toBe(at < good.length - 32);
      }),
    );
  });

  it('are refused in any other spelling, and so is every other text', () => {
    const good = tokens.derive(name, salt);
    for (const text of [
      `${good}=`,
      `${good}A`,
      good.toUpperCase(),
      good.slice(4),
      ` ${good}`,
      '',
      'gkr_',
      `gkr_${'A'.repeat(500)}`,
    ]) {
      expect(tokens.read(text)).toBeUndefined();
    }
    fc.assert(fc.property(fc.string(), (text) => tokens.read(text) === undefined));
  });
});

const keys = new Map<number, Buffer>();
function secretsKey(version: number): Buffer {
  if (!keys.has(version)) keys.set(version, randomBytes(32));
  return keys.get(version)!;
}
