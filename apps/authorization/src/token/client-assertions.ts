import { Injectable } from '@nestjs/common';
import { type CachedDocument, ClientDocuments, ClientKeys } from '@grantkeeper/client-documents';
import { Database } from '@grantkeeper/event-store';
import { Clock, OAuthError, type TenantId } from '@grantkeeper/kernel';
import {
  checkAssertionClaims,
  claimedClient,
  type ClientMetadata,
  type ClientSigningAlg,
  keysFor,
  type PublicKeySet,
  readAssertionHeader,
} from '@grantkeeper/oauth';
import { hashSecret } from '@grantkeeper/tokens';
import { compactVerify, decodeJwt, decodeProtectedHeader, importJWK } from 'jose';
import { refusedClient } from './refused-client.ts';

/** A signature that one of the client's keys has made, about the client as it was then. */
export interface VerifiedAssertion {
  readonly clientId: string;
  readonly assertion: { readonly metadataDigest: string; readonly jtiHash: string; readonly forgettableAt: number };
}

/** What the SQL function assertion_context answers. */
interface AssertionContext {
  readonly kind: 'cimd' | 'dynamic' | 'registered';
  readonly metadata: ClientMetadata;
  readonly digest: string;
  /** A newer version of the metadata waits for an admin; `metadata` is the one that was admitted. */
  readonly quarantined: boolean;
  readonly issuer: string;
  readonly document: CachedDocument<ClientMetadata> | null;
  readonly keySet: CachedDocument<PublicKeySet> | null;
}

/** So many keys are tried at most: each costs time, and the sender has proven nothing yet. */
const MAX_ATTEMPTS = 4;

/**
 * `private_key_jwt` (RFC 7523 §2.2) for clients of every kind. One read, and the signature is verified here; whether the
 * assertion is new is decided by the statement that acts on it, so that a token costs two round trips and one commit.
 */
@Injectable()
export class ClientAssertions {
  constructor(
    private readonly database: Database,
    private readonly documents: ClientDocuments,
    private readonly keys: ClientKeys,
    private readonly clock: Clock,
  ) {}

  /** Rejects with `invalid_client`, or with `temporarily_unavailable` when the client's keys are out of reach (CL-13). */
  async verify(tenantId: TenantId, jwt: string, named: string | undefined): Promise<VerifiedAssertion> {
    const { alg, kid, claims } = decoded(jwt);
    const clientId = claimedClient(claims);
    if (named !== undefined && named !== clientId)
      throw new OAuthError('invalid_client', 'client_id is not the one of the client assertion');
    const context = await this.database.call<AssertionContext | null>('assertion_context', tenantId, { clientId });
    if (!context) throw refusedClient('unknown_client');
    // Claims first: they cost nothing, and junk should not cost a fetch.
    const { jti, forgettableAt } = checkAssertionClaims(claims, {
      clientId,
      audiences: [context.issuer, `${context.issuer}/token`],
      now: Math.floor(this.clock.now().getTime() / 1000),
    });

    const { metadata, digest, also } = await this.#inForce(tenantId, clientId, context);
    const methods = metadata.token_endpoint_auth_methods_supported ?? [metadata.token_endpoint_auth_method];
    if (!methods.includes('private_key_jwt')) throw refusedClient('no_assertions');
    if ((metadata.token_endpoint_auth_signing_alg ?? alg) !== alg)
      throw new OAuthError(
        'invalid_client',
        'the client assertion is signed with another algorithm than was announced',
      );

    const known = context.metadata.jwks_uri === metadata.jwks_uri ? context.keySet : null;
    let keys = await this.keys.current(tenantId, metadata, known);
    let verified = keys !== undefined && (await isSignedByOneOf(jwt, restricted(keys, also, metadata), alg, kid));
    if (!verified && metadata.jwks_uri !== undefined) {
      keys = await this.keys.afterOneMoreLook(tenantId, metadata, { known: keys !== undefined });
      verified = keys !== undefined && (await isSignedByOneOf(jwt, restricted(keys, also, metadata), alg, kid));
    }
    // invalid_client would make hosts throw away a client that is well (CL-08).
    if (!keys) throw new OAuthError('temporarily_unavailable', 'the keys of the client cannot be read at the moment');
    if (!verified && also)
      throw new OAuthError('temporarily_unavailable', 'a change of the client waits for the administrator');
    if (!verified) throw new OAuthError('invalid_client', 'the client assertion is not signed by a key of the client');
    return {
      clientId,
      assertion: { metadataDigest: digest, jtiHash: hashSecret(jti).toString('hex'), forgettableAt },
    };
  }

  /**
   * The metadata to verify with, and for a client in quarantine the keys that the publisher still stands by (`also`): a
   * key must have been admitted, and must not have been withdrawn.
   */
  async #inForce(
    tenantId: TenantId,
    clientId: string,
    context: AssertionContext,
  ): Promise<{ metadata: ClientMetadata; digest: string; also?: ClientMetadata }> {
    if (context.kind !== 'cimd') return context;
    const document = await this.documents.bestKnown(tenantId, clientId, context.document);
    if (!document)
      throw new OAuthError(
        'temporarily_unavailable',
        'the metadata document of the client cannot be read at the moment',
      );
    if (!context.quarantined) return document;
    return { metadata: context.metadata, digest: context.digest, also: document.metadata };
  }
}

function decoded(jwt: string): { alg: ClientSigningAlg; kid: string | undefined; claims: Record<string, unknown> } {
  let header: Record<string, unknown>;
  let claims: Record<string, unknown>;
  try {
    header = { ...decodeProtectedHeader(jwt) };
    claims = decodeJwt(jwt);
  } catch (cause) {
    throw new OAuthError('invalid_client', 'the client assertion is not a signed JWT', { cause });
  }
  return { ...readAssertionHeader(header), claims };
}

async function isSignedByOneOf(
  jwt: string,
  keys: PublicKeySet,
  alg: ClientSigningAlg,
  kid: string | undefined,
): Promise<boolean> {
  for (const key of keysFor(keys, alg, kid).slice(0, MAX_ATTEMPTS)) {
    try {
      await compactVerify(jwt, await importJWK(key, alg), { algorithms: [alg] });
      return true;
    } catch {
      // Another key may have made it; a key that cannot be used has not.
    }
  }
  return false;
}

/** Of the admitted client's `keys` those that its publisher, who now says `also`, has not withdrawn. */
function restricted(keys: PublicKeySet, also: ClientMetadata | undefined, admitted: ClientMetadata): PublicKeySet {
  if (!also || (also.jwks_uri !== undefined && also.jwks_uri === admitted.jwks_uri)) return keys;
  const published = new Set(also.jwks?.keys.map((key) => JSON.stringify(key)));
  return { keys: keys.keys.filter((key) => published.has(JSON.stringify(key))) };
}
