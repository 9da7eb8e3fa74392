import { type DpopProof, DpopProofRefused, verifyDpopProof } from '@grantkeeper/guard';
import { Clock, OAuthError, type TenantId } from '@grantkeeper/kernel';
import { DpopNonces } from '@grantkeeper/tokens';
import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Issuers } from '../discovery/issuer.ts';

/** A proof as the database takes it: it decides whether it is used for the first time and whether it needs a nonce. */
export interface PresentedProof {
  /** Thumbprint of the key that was proven. */
  readonly jkt: string;
  /** Hex. */
  readonly id: string;
  readonly expiresAt: string;
  /** It contains a nonce of ours that is fresh. */
  readonly nonce: boolean;
}

const EXPLANATIONS: Readonly<Record<string, string>> = {
  missing: 'a DPoP proof is required',
  replayed: new DpopProofRefused('replayed').message,
};

/** DPoP proofs at the endpoints of an issuer (RFC 9449 §4.3, §5). */
@Injectable()
export class DpopProofs {
  constructor(
    private readonly issuers: Issuers,
    private readonly nonces: DpopNonces,
    private readonly clock: Clock,
  ) {}

  /**
   * The proof in the request's `DPoP` header, for the endpoint `path` of the tenant's issuer; null without one. Rejects
   * with `invalid_dpop_proof`, or `use_dpop_nonce` and a nonce in the header of the answer.
   */
  async read(
    tenantId: TenantId,
    path: string,
    http: FastifyRequest,
    reply: FastifyReply,
    accessToken?: string,
  ): Promise<PresentedProof | null> {
    const header = http.headers['dpop'];
    if (header === undefined) return null;
    const now = this.clock.now();
    const proof = await this.#verify(String(header), {
      method: http.method,
      url: `${await this.issuers.urlOf(tenantId)}/${path}`,
      now: now.getTime() / 1000,
      ...(accessToken !== undefined && { accessToken }),
    });
    if (proof.nonce !== undefined && !this.nonces.accepts(proof.nonce, placeOf(tenantId), now)) {
      throw this.refused('use_dpop_nonce', tenantId, reply);
    }
    return {
      jkt: proof.keyThumbprint,
      id: Buffer.from(proof.id, 'base64url').toString('hex'),
      expiresAt: new Date(proof.expiresAt * 1000).toISOString(),
      nonce: proof.nonce !== undefined,
    };
  }

  /** What to answer when the database has not taken the proof; a nonce that is wanted goes along (RFC 9449 §8). */
  refused(
    error: 'invalid_dpop_proof' | 'use_dpop_nonce',
    tenantId: TenantId,
    reply: FastifyReply,
    because = '',
  ): OAuthError {
    if (error === 'invalid_dpop_proof') {
      return new OAuthError('invalid_dpop_proof', EXPLANATIONS[because] ?? 'the DPoP proof is not valid');
    }
    void reply.header('dpop-nonce', this.nonces.current(placeOf(tenantId), this.clock.now()));
    return new OAuthError('use_dpop_nonce', 'the DPoP proof must contain the nonce of this server');
  }

  async #verify(header: string, expected: Parameters<typeof verifyDpopProof>[1]): Promise<DpopProof> {
    try {
      return await verifyDpopProof(header, expected);
    } catch (error) {
      if (!(error instanceof DpopProofRefused)) throw error;
      throw new OAuthError('invalid_dpop_proof', error.message, { cause: error });
    }
  }
}

function placeOf(tenantId: TenantId): string {
  return `issuer/${tenantId}`;
}
