import {
  AccessRefusal,
  cannotTell,
  type ChallengingResource,
  credentialsRequired,
  insufficientScope,
  invalidProof,
  invalidToken,
  tokenRefused,
} from './access-refusal.ts';
import { resourceMetadataUrl } from './access-challenge.ts';
import type { AccessTokenClaims } from './access-token-claims.ts';
import type { TokenVerifier } from './access-token-verifier.ts';
import { DPOP_ALGORITHMS, type DpopProof, DpopProofRefused, verifyDpopProof } from './dpop-proof.ts';
import type { FeedResource } from './feed/feed-entry.ts';
import type { OpenCalls } from './open-calls.ts';
import { type PresentedToken, presentedToken } from './presented-token.ts';
import type { ProofReplayStore } from './proof-replay-store.ts';
import type { Standing, StandingCheck } from './standing-check.ts';
import { TokenRefused } from './token-refused.ts';

/** What a request brings to say who sends it. */
export interface PresentedRequest {
  readonly method: string;
  /** The value of `Authorization`. */
  readonly authorization?: string | undefined;
  /** The value of `DPoP`. */
  readonly proof?: string | undefined;
  /** The request's URL as its sender knows it, for a DPoP proof; the resource itself unless given. */
  readonly url?: string | undefined;
}

/** Who calls, on whose behalf and with what permission, after every check of access. */
export interface Access {
  readonly claims: AccessTokenClaims;
  /** For whoever hands it to a library that asks for it. Never to be sent on: it is for this server alone (RS-10). */
  readonly token: string;
  /** Where the metadata of the resource is. */
  readonly resourceMetadataUrl: string;
}

/** RFC 9728 §2, as far as a guard publishes it. */
export interface ResourceMetadata {
  readonly resource: string;
  readonly authorization_servers: readonly string[];
  readonly scopes_supported?: readonly string[];
  readonly bearer_methods_supported: readonly string[];
  readonly dpop_signing_alg_values_supported: readonly string[];
  readonly resource_name?: string;
}

export interface GuardParts {
  readonly issuer: string;
  /** The identifier of the resource. */
  readonly resource: string;
  /** What an admin has set about it; undefined as long as nobody has told. */
  readonly described: () => Pick<FeedResource, 'displayName' | 'scopes' | 'defaultScopes'> | undefined;
  readonly verifier: TokenVerifier;
  readonly standing: StandingCheck;
  readonly calls: OpenCalls;
  readonly proofs: ProofReplayStore;
  /** Seconds since 1970. */
  readonly now: () => number;
  readonly onTrouble?: ((trouble: unknown) => void) | undefined;
  readonly close: () => Promise<void>;
}

/** Protects one resource: see {@link createGuard}. */
export class Guard {
  readonly issuer: string;
  readonly resource: string;
  /** Paths of this server at which clients look for {@link metadata}: beside the resource, and at the root (RS-03). */
  readonly metadataPaths: readonly string[];
  readonly #parts: GuardParts;
  readonly #metadataUrl: string;

  constructor(parts: GuardParts) {
    this.#parts = parts;
    this.issuer = parts.issuer;
    this.resource = parts.resource;
    this.#metadataUrl = resourceMetadataUrl(parts.resource);
    this.metadataPaths = [...new Set([new URL(this.#metadataUrl).pathname, '/.well-known/oauth-protected-resource'])];
  }

  /** The resource's RFC 9728 metadata, for anyone. */
  get metadata(): ResourceMetadata {
    const described = this.#parts.described();
    return {
      resource: this.resource,
      authorization_servers: [this.issuer],
      ...(described && described.scopes.length > 0 && { scopes_supported: described.scopes }),
      bearer_methods_supported: ['header'],
      dpop_signing_alg_values_supported: DPOP_ALGORITHMS,
      ...(described && { resource_name: described.displayName }),
    };
  }

  /**
   * Who sends the request, when its token is genuine, for this resource, still stands, and holds all of `scopes`. Rejects
   * with an {@link AccessRefusal}, whatever happens: what cannot be known is a 503, never access.
   */
  async admit(request: PresentedRequest, scopes: readonly string[] = []): Promise<Access> {
    try {
      const access = await this.#authenticate(request);
      this.require(access, scopes);
      return access;
    } catch (error) {
      if (isRefusal(error)) throw error;
      this.#parts.onTrouble?.(error);
      throw cannotTell(error);
    }
  }

  /**
   * For as long as a response is open: calls `end` when the access that it was opened with ends, or when nobody has been
   * able to say for two seconds that it has not. To be called in the turn in which `admit` has answered; the function that
   * it answers is for when the response is over.
   */
  keep(access: Access, end: () => void): () => void {
    return this.#parts.calls.keep(access, end);
  }

  /** Rejects with a 403 that names everything that is needed when `access` lacks any of `scopes` (RS-16). */
  require({ claims }: Access, scopes: readonly string[]): void {
    if (!scopes.every((scope) => claims.scopes.includes(scope)))
      throw insufficientScope(this.#challenging(), claims, scopes);
  }

  /** Stops following the feed, and says goodbye. Nothing is to be admitted afterwards. */
  async close(): Promise<void> {
    await this.#parts.close();
  }

  /**
   * Proof of the key, token, first use of the proof, then what the feed says of the token: in that order, so that only who
   * is genuine costs a question.
   */
  async #authenticate(request: PresentedRequest): Promise<Access> {
    const presented = presentedToken(request.authorization);
    if (presented === undefined) throw credentialsRequired(this.#challenging());
    const proof = presented.scheme === 'DPoP' ? await this.#prove(request, presented.token) : undefined;
    const claims = await this.#verify(presented, proof?.keyThumbprint);
    if (proof && !(await this.#parts.proofs.remember(proof)))
      throw invalidProof(this.#challenging(), `${new DpopProofRefused('replayed').message}.`);
    const standing = this.#parts.standing.standing(claims, presented.token);
    this.#requireActive(typeof standing === 'string' ? standing : await standing, presented);
    return { claims, token: presented.token, resourceMetadataUrl: this.#metadataUrl };
  }

  #requireActive(standing: Standing, { scheme }: PresentedToken): void {
    if (standing === 'active') return;
    // What the feed has told of does not say which: a suspension denies for good what was issued before it.
    const description = standing === 'suspended' ? 'The access is suspended.' : 'The access has ended or is suspended.';
    throw invalidToken(this.#challenging(), description, scheme);
  }

  async #prove({ method, proof, url = this.resource }: PresentedRequest, accessToken: string): Promise<DpopProof> {
    if (proof === undefined) throw invalidProof(this.#challenging(), 'The DPoP proof is missing.');
    try {
      return await verifyDpopProof(proof, { method, url, accessToken, now: this.#parts.now() });
    } catch (error) {
      if (error instanceof DpopProofRefused) throw invalidProof(this.#challenging(), `${error.message}.`);
      throw error;
    }
  }

  async #verify({ scheme, token }: PresentedToken, provenKey: string | undefined): Promise<AccessTokenClaims> {
    try {
      return await this.#parts.verifier.verify(token, provenKey);
    } catch (error) {
      if (error instanceof TokenRefused) throw tokenRefused(this.#challenging(), error, scheme);
      throw error;
    }
  }

  #challenging(): ChallengingResource {
    const { scopes, defaultScopes } = this.#parts.described() ?? { scopes: [], defaultScopes: [] };
    return { url: this.resource, scopes, defaultScopes };
  }
}

function isRefusal(error: unknown): error is AccessRefusal {
  return error instanceof AccessRefusal;
}
