import { DomainError } from '@grantkeeper/kernel';
import type { NewEvent } from '../event.ts';
import type { Because } from '../revocation/because.ts';
import { signingKeyActivated, signingKeyCreated, signingKeyRevoked } from './signing-key.events.ts';

export interface SigningKeyState {
  readonly kid: string;
  readonly use: 'access_token';
  readonly alg: 'ES256' | 'RS256';
  readonly state: 'pending' | 'active' | 'retiring' | 'retired' | 'revoked';
}

/** A key that has been made and is not announced yet. */
export interface AnnouncedKey {
  readonly kid: string;
  readonly publicJwk: Readonly<Record<string, string>>;
}

/**
 * Revokes a key, once. When the issuer signs with it, another takes its place in the same commit, so that there is no
 * moment without a key: the one that is `announced`, which verifiers know already, else `successor`. Rejects with
 * `revocation.signing_key_not_found`.
 */
export function decideSigningKeyRevocation(
  key: SigningKeyState | undefined,
  command: { readonly because: Because; readonly reason?: string | undefined },
  successor: AnnouncedKey,
  announced?: Pick<SigningKeyState, 'kid'>,
): NewEvent[] {
  if (!key) throw new DomainError('revocation.signing_key_not_found', 'There is no such signing key.', 'not_found');
  if (key.state === 'revoked') return [];
  const { kid, use, alg } = key;
  const personal =
    command.reason === undefined ? {} : { reason: { subject: 'tenant' as const, value: command.reason } };
  const revoked = signingKeyRevoked.on(kid, { kid, because: command.because }, personal);
  if (key.state !== 'active') return [revoked];
  if (announced) return [revoked, signingKeyActivated.on(announced.kid, { kid: announced.kid })];
  const { publicJwk } = successor;
  return [
    revoked,
    signingKeyCreated.on(successor.kid, { kid: successor.kid, use, alg, state: 'active', publicJwk: { ...publicJwk } }),
  ];
}
