import { AccessTokenVerifier, bearerToken, StandingCheck, TokenRefused } from '@grantkeeper/guard';
import type { AccessTokenClaims } from '@grantkeeper/guard';
import { Injectable } from '@nestjs/common';
import { ActivityRecorder } from '../activity/activity-recorder.ts';
import { ToolCatalogue } from '../tools/tool-catalogue.ts';
import type { Caller } from './caller.ts';
import type { HostedResource } from './hosted-resources.ts';
import { credentialsRequired, insufficientScope, invalidToken } from './refusal.ts';
import { calledTools, requiredScopes } from './required-scopes.ts';
import { VerificationKeys } from './verification-keys.ts';

/** Decides who may call a hosted resource. Rejects with a `Refusal`, or with whatever kept it from deciding. */
@Injectable()
export class AccessControl {
  constructor(
    private readonly keys: VerificationKeys,
    private readonly standing: StandingCheck,
    private readonly tools: ToolCatalogue,
    private readonly activity: ActivityRecorder,
  ) {}

  /** Token, then what the ledger says of it: in that order, so that only genuine tokens cost a query. */
  async authenticate(resource: HostedResource, authorization: string | undefined): Promise<Caller> {
    const token = bearerToken(authorization);
    if (token === undefined) throw credentialsRequired(resource);
    const caller = { resource, claims: await this.#verify(resource, token) };
    const standing = await this.standing.standing(caller.claims, token);
    if (standing === 'active') return caller;
    this.activity.record(caller, 'call.denied', { because: standing });
    throw invalidToken(resource, standing === 'suspended' ? 'The access is suspended.' : 'The access was revoked.');
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
    throw insufficientScope(caller.resource, needed, scopes);
  }

  async #verify(resource: HostedResource, token: string): Promise<AccessTokenClaims> {
    const { tenant, issuer, url: audience } = resource;
    const verifier = new AccessTokenVerifier({
      issuer,
      audience,
      tenant,
      jwks: (hint) => this.keys.find(tenant, hint),
    });
    try {
      return await verifier.verify(token);
    } catch (error) {
      if (!(error instanceof TokenRefused)) throw error;
      throw invalidToken(
        resource,
        error.reason === 'expired' ? 'The access token has expired.' : 'The access token is not valid here.',
      );
    }
  }
}
