import { compactVerify, createLocalJWKSet, type JSONWebKeySet } from 'jose';

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
    // Access tokens are signed with the same keys and have another type (RFC 9068 §2.1).
    if (protectedHeader.typ !== undefined && protectedHeader.typ.toLowerCase() !== 'jwt') return undefined;
    const claims = JSON.parse(new TextDecoder().decode(payload)) as Record<string, unknown>;
    const ours = claims['iss'] === issuer.url && [claims['aud']].flat().includes(clientId);
    return ours && typeof claims['sub'] === 'string' ? claims['sub'] : undefined;
  } catch {
    return undefined;
  }
}
