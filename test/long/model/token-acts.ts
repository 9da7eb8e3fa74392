import { createHash } from 'node:crypto';
import { s256 } from '@grantkeeper/tokens';
import { v7 as uuidv7 } from 'uuid';
import { digest } from './secrets.ts';
import type { Code, Done, Family, Served } from './known.ts';

/** Exchanges a code `times` at once, and again when no answer came: its family is made once. */
export async function redeem(tenant: Served, code: Code, times: number): Promise<Done> {
  const familyId = code.seed.replace(/^.{8}/, digest(code.seed, 'family').toString('hex').slice(0, 8));
  const salt = digest(code.seed, 'salt');
  const input = {
    codeHash: digest(code.seed, 'code').toString('hex'),
    clientId: code.clientId,
    authMethod: 'none',
    secretHash: null,
    redirectUri: null,
    resource: null,
    challenge: s256(code.seed),
    familyId,
    salt: salt.toString('hex'),
    fingerprint: 'f',
  };
  const answers = await Promise.all(
    Array.from({ length: times }, () =>
      tenant.product.database.callAlone<{ outcome: string; seq: number; familyId: string }>(
        'redeem_codes',
        tenant.id,
        input,
      ),
    ),
  );
  const redeemed = answers.filter(({ outcome }) => outcome === 'redeemed');
  if (redeemed.length > 1) throw new Error('A code was redeemed twice.');
  for (const answer of redeemed)
    tenant.tokens.push({ tokenId: uuidv7(), grantId: code.grantId, familyId, seq: answer.seq });
  const there = answers.some(({ outcome }) => outcome === 'redeemed' || outcome === 'replayed');
  if (there && !tenant.families.some((family) => family.familyId === familyId)) {
    tenant.families.push({ familyId, grantId: code.grantId, clientId: code.clientId, salt, generation: 1 });
  }
  return { events: 0 };
}

/** Rotates a family `times` at once: one successor, whoever asks. */
export async function refresh(tenant: Served, family: Family, times: number): Promise<Done> {
  const inner = digest(family.familyId, 'inner');
  const tag = createHash('sha256').update(family.salt).update(inner).digest('hex');
  const generation = family.generation;
  const input = {
    familyId: family.familyId,
    generation,
    inner: inner.toString('hex'),
    tag,
    clientId: family.clientId,
    authMethod: 'none',
    secretHash: null,
    fingerprint: 'f',
    resource: null,
  };
  const answers = await Promise.all(
    Array.from({ length: times }, () =>
      tenant.product.database.callAlone<{ outcome: string; seq: number; generation: number }>(
        'rotate_families',
        tenant.id,
        input,
      ),
    ),
  );
  const given = answers.filter(({ outcome }) => outcome === 'rotated' || outcome === 'replayed');
  if (given.some((answer) => answer.generation !== generation + 1))
    throw new Error('A generation has another successor.');
  if (answers.filter(({ outcome }) => outcome === 'rotated').length > 1)
    throw new Error('A generation was rotated twice.');
  for (const answer of given)
    tenant.tokens.push({ tokenId: uuidv7(), grantId: family.grantId, familyId: family.familyId, seq: answer.seq });
  if (given.length > 0) family.generation = Math.max(family.generation, generation + 1);
  return { events: 0 };
}
