import { compactVerify, createLocalJWKSet, decodeJwt, decodeProtectedHeader, type JSONWebKeySet } from 'jose';

/**
 * The `sub` that an `id_token_hint` names (OpenID Connect Core §3.1.2.1; OA-13): of an ID token that this issuer made for
 * this client, expired or not. Undefined for anything else, which is no hint.
 */
export async function hintedPerson(
  hint: string,
  issuer: { readonly url: string; readonly keys: JSONWebKeySet['keys'] },
  clientId: string,
): Promise<string | undefined> {
  try {
    const { payload, protectedHeader } = await compactVerify(hint, createLocalJWKSet({ keys: issuer.keys }), {
      algorithms: ['ES256', 'RS256'],
    });
    // Access tokens and signed answers are made with the same keys and have other types (RFC 9068 §2.1, RFC 9701 §5).
    if (protectedHeader.typ !== 'JWT') return undefined;
    const claims = JSON.parse(new TextDecoder().decode(payload)) as Record<string, unknown>;
    const ours = claims['iss'] === issuer.url && claims['aud'] === clientId;
    return ours && typeof claims['sub'] === 'string' ? claims['sub'] : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The client that a hint says it was made for, which nothing has been checked of: the client to look up before it can be.
 * Undefined for what is no ID token.
 */
export function claimedClient(hint: string): string | undefined {
  try {
    if (decodeProtectedHeader(hint).typ !== 'JWT') return undefined;
    const { aud } = decodeJwt(hint);
    return typeof aud === 'string' ? aud : undefined;
  } catch {
    return undefined;
  }
}
