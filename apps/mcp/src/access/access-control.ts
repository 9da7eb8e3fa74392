import {
  AccessTokenVerifier,
  calledTools,
  presentedToken,
  requiredScopes,
  TokenRefused,
  VerifiedTokens,
} from '@grantkeeper/guard';
import type { AccessTokenClaims, PresentedToken } from '@grantkeeper/guard';
import { VerificationKeys } from '@grantkeeper/keys';
import { Injectable } from '@nestjs/common';
import { ActivityRecorder } from '../activity/activity-recorder.ts';
import { ToolCatalogue } from '../tools/tool-catalogue.ts';
import type { Caller } from './caller.ts';
import { HostedPoint } from './hosted-point.ts';
import type { HostedResource } from './hosted-resources.ts';
import { ProofsOfPossession, type SentCredentials } from './proofs-of-possession.ts';
import { accessEnded, credentialsRequired, insufficientScope, tokenRefused } from './refusal.ts';

/** Decides who may call a hosted resource. Rejects with a `Refusal`, or with whatever kept it from deciding. */
@Injectable()
export class AccessControl {
  readonly #verified = new VerifiedTokens();

  constructor(
    private readonly keys: VerificationKeys,
    private readonly possession: ProofsOfPossession,
    private readonly point: HostedPoint,
    private readonly tools: ToolCatalogue,
    private readonly activity: ActivityRecorder,
  ) {}

  /**
   * Proof of the key, token, first use of the proof, then what the ledger says of the token: in that order, so that only
   * who is genuine costs a query.
   */
  async authenticate(resource: HostedResource, sent: SentCredentials): Promise<Caller> {
    const presented = presentedToken(sent.authorization);
    if (presented === undefined) throw credentialsRequired(resource);
    const proof =
      presented.scheme === 'DPoP' ? await this.possession.prove(resource, sent, presented.token) : undefined;
    const claims = await this.#verify(resource, presented, proof?.keyThumbprint);
    if (proof) await this.possession.spend(resource, proof);
    const caller = { resource, claims, scheme: presented.scheme };
    const standing = await this.point.standing(claims, presented.token);
    if (standing === 'active') return caller;
    this.activity.record(caller, 'call.denied', { because: standing });
    throw accessEnded(resource, standing, presented.scheme);
  }

  /** Refuses a call before it is dispatched: only an HTTP 403 makes clients ask for more permission (RS-16, SDK-08). */
  authorize(caller: Caller, body: unknown): void {
    const called = calledTools(body);
    const needed = requiredScopes(called, (tool) => this.tools.scopesOf(tool));
    const { scopes } = caller.claims;
    if (needed.every((scope) => scopes.includes(scope))) return;
    // Each tool of ours once: whoever may call nothing must not decide how many rows are written, nor what is in them.
    const refused = new Set(called.filter((tool) => this.tools.find(tool) !== undefined));
    for (const tool of refused) this.activity.record(caller, 'call.denied', { tool, because: 'insufficient_scope' });
    throw insufficientScope(caller, needed);
  }

  async #verify(
    resource: HostedResource,
    { scheme, token }: PresentedToken,
    provenKey: string | undefined,
  ): Promise<AccessTokenClaims> {
    const { tenant, issuer, url: audience } = resource;
    const verifier = new AccessTokenVerifier({
      issuer,
      audience,
      tenant,
      jwks: (hint) => this.keys.find(tenant, hint),
      // A denial is forgotten by this clock: by another one a token might outlive it.
      now: () => this.point.now(),
      verified: this.#verified,
    });
    try {
      return await verifier.verify(token, provenKey);
    } catch (error) {
      throw error instanceof TokenRefused ? tokenRefused(resource, error, scheme) : error;
    }
  }
}
