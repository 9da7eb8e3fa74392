import { type DpopProof, DpopProofRefused, verifyDpopProof } from '@grantkeeper/guard';
import { Database } from '@grantkeeper/event-store';
import { Clock } from '@grantkeeper/kernel';
import { DpopNonces } from '@grantkeeper/tokens';
import { Injectable } from '@nestjs/common';
import type { HostedResource } from './hosted-resources.ts';
import { invalidProof, nonceRequired } from './refusal.ts';
import { SharedProofReplayStore } from './shared-proof-replay-store.ts';

/** What a request brings to say who sends it. */
export interface SentCredentials {
  readonly method: string;
  /** The value of `Authorization`. */
  readonly authorization: string | undefined;
  /** The value of `DPoP`. */
  readonly proof: string | undefined;
}

/** Proofs that the sender of a token holds its key (RFC 9449 §7, DPOP-03). Rejects with a `Refusal`. */
@Injectable()
export class ProofsOfPossession {
  constructor(
    private readonly database: Database,
    private readonly nonces: DpopNonces,
    private readonly clock: Clock,
  ) {}

  /** The proof, right for this resource, request and token, with a nonce where the tenant wants one. */
  async prove(resource: HostedResource, sent: SentCredentials, accessToken: string): Promise<DpopProof> {
    if (sent.proof === undefined) throw invalidProof(resource, 'The DPoP proof is missing.');
    const now = this.clock.now();
    const expected = { method: sent.method, url: resource.url, accessToken, now: now.getTime() / 1000 };
    const proof = await verifyDpopProof(sent.proof, expected).catch((error: unknown) => {
      throw error instanceof DpopProofRefused ? invalidProof(resource, `${error.message}.`) : error;
    });
    const place = `resource/${resource.tenant}/${resource.id}`;
    const answers = proof.nonce === undefined ? !resource.dpopNonce : this.nonces.accepts(proof.nonce, place, now);
    if (!answers) throw nonceRequired(resource, this.nonces.current(place, now));
    return proof;
  }

  /** Uses the proof up, for every copy of this service. */
  async spend(resource: HostedResource, proof: DpopProof): Promise<void> {
    const first = await new SharedProofReplayStore(this.database, resource.tenant).remember(proof);
    if (!first) throw invalidProof(resource, `${new DpopProofRefused('replayed').message}.`);
  }
}
