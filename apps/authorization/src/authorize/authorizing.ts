import { Injectable } from '@nestjs/common';
import { ClientDocuments, ClientDocumentUnavailable } from '@grantkeeper/client-documents';
import { Database } from '@grantkeeper/event-store';
import { Clock, OAuthError, RateLimited, type TenantId } from '@grantkeeper/kernel';
import {
  authorizationRedirect,
  classifyClientId,
  clientDisplay,
  clientSubjects,
  redirectHost,
} from '@grantkeeper/oauth';
import type { PresentedSession } from '../login/sessions.ts';
import type { AuthorizationRequest, PushedReference } from './authorization-request.ts';
import type { ErrorApp } from '../pages/index.ts';
import type { AuthorizeContext, ContextSession } from './authorize-context.ts';
import { PageError } from './page-error.ts';
import {
  adminConsentFor,
  consentHasExpired,
  type DueConsent,
  dueConsent,
  hasChangedSince,
  mustConsentToChange,
} from './rules/due-consent.ts';
import { hintedPerson } from './rules/hinted-person.ts';
import { requiredInteraction, type Interaction } from './rules/interaction.ts';
import { proveRedirect, type ProvenRedirect } from './rules/proven-redirect.ts';
import { readRequestedAccess, type RequestedAccess } from './rules/requested-access.ts';

/** A request for authorization that has passed every rule. */
export interface Asked {
  readonly context: AuthorizeContext;
  readonly redirect: ProvenRedirect;
  readonly access: RequestedAccess;
  readonly interaction: Interaction;
  readonly state: string | undefined;
  readonly loginHint: string | undefined;
  /** Set when it was pushed: then it can be answered once. */
  readonly pushed: PushedReference | undefined;
  /** The link that is alive between person, client and resource. */
  readonly grant?: { readonly grantId: string; readonly scopes: readonly string[] } | undefined;
  /** What the person must still say to it. */
  readonly consent: DueConsent;
  /** They have said it before, so long ago that the tenant asks again. */
  readonly consentExpired: boolean;
  /** They have said it to another version of the client's metadata, and are to look at this one. */
  readonly clientChanged: boolean;
  /** The same where policy takes this one as it comes: nobody looks at it. */
  readonly changeTaken: boolean;
}

/** An answer to the client by redirect; an error only after client and redirect URI are proven (AS-15). */
export class AnswerByRedirect extends Error {
  override readonly name = 'AnswerByRedirect';
  constructor(readonly location: string) {
    super('answered by redirect');
  }
}

/**
 * What an admin has decided about a client is for the person: the client is not sent there, and learns nothing of it. A
 * client whose tokens were refused comes here by itself (CL-13), and this is what its person then reads.
 */
function refuseForPeople(redirect: ProvenRedirect): void {
  const { outcome } = redirect.verdict;
  if (outcome === 'blocked') throw new PageError('client_blocked', undefined, appOf(redirect));
  if (outcome === 'not_listed') throw new PageError('client_not_listed', undefined, appOf(redirect));
}

/** The app as an error page names it. */
function appOf({ clientId, kind, metadata, redirectUri }: ProvenRedirect): ErrorApp {
  const { name, nameVerified } = clientDisplay({ clientId, kind, metadata });
  return { name, nameVerified, redirectHost: redirectHost(redirectUri) };
}

/** Reads what a request is decided on, in one round trip, and applies the rules in their order. */
@Injectable()
export class Authorizing {
  constructor(
    private readonly database: Database,
    private readonly documents: ClientDocuments,
    private readonly clock: Clock,
  ) {}

  /** Claims a pushed request for the browser that presents it; rejects with `PageError` when it is not there. */
  async read(
    tenantId: TenantId,
    request: AuthorizationRequest,
    session: PresentedSession | undefined,
    /** Who asks: they may make us fetch what the client publishes. */
    address: string | undefined,
  ): Promise<AuthorizeContext> {
    const clientId = request.parameters.get('client_id') ?? '';
    const input = {
      clientId,
      sessionHash: session?.hash.toString('hex') ?? null,
      ...request.pushed,
      at: this.clock.now().toISOString(),
      withKeys: request.pushed !== undefined || request.parameters.get('id_token_hint') !== undefined,
    };
    const lock = request.pushed?.requestHash;
    const context = await this.database.callTogether<AuthorizeContext>('authorize_contexts', tenantId, input, lock);
    const known =
      classifyClientId(clientId) === 'metadata_document'
        ? { ...context, registration: await this.#published(tenantId, clientId, context, address) }
        : context;
    const hint = request.asked(context.pushed).get('id_token_hint');
    if (hint === undefined) return known;
    const hintedSub = await hintedPerson(hint, { url: context.issuer, keys: context.keys ?? [] }, clientId);
    return { ...known, hintedSub: hintedSub ?? null };
  }

  /**
   * What a client whose id is a URL says of itself there: from the cache while that is fresh, so that the request costs
   * one statement and no fetch. Rejects with `PageError`: nothing is proven without it (CIMD-04, CIMD-26); with
   * `RateLimited` when too much is being fetched.
   */
  async #published(
    tenantId: TenantId,
    clientId: string,
    { settings, rules, client, document, tenant }: AuthorizeContext,
    address: string | undefined,
  ): Promise<AuthorizeContext['registration']> {
    // Not asked for when nothing can come of it: its publisher would learn of the request (CIMD-28).
    if (settings.clientDocuments === 'off' || tenant.suspended) return null;
    const subjects = clientSubjects(clientId, { redirect_uris: [] });
    if (rules.some((rule) => rule.effect === 'block' && subjects.includes(rule.subject)))
      throw new PageError('client_blocked');
    try {
      const { metadata, digest } = await this.documents.current(tenantId, clientId, document, {
        trusted: client !== null && client.removed_seq === null,
        address,
      });
      return { kind: 'cimd', metadata, metadataDigest: digest, subjects: clientSubjects(clientId, metadata) };
    } catch (error) {
      if (error instanceof ClientDocumentUnavailable && error.retryAfterSeconds !== undefined)
        throw new RateLimited('document', error.retryAfterSeconds);
      if (error instanceof ClientDocumentUnavailable && error.transient)
        throw new PageError('client_unreachable', error.message);
      if (error instanceof ClientDocumentUnavailable) throw new PageError('unknown_client', error.message);
      if (error instanceof OAuthError) throw new PageError('unknown_client', error.description);
      throw error;
    }
  }

  /** Refuses what is wrong with a request whoever the person is; rejects with `PageError` or `OAuthError`. */
  check(request: AuthorizationRequest, context: AuthorizeContext): void {
    if (context.tenant.suspended) throw new PageError('tenant_unavailable');
    const parameters = request.asked(context.pushed);
    const redirect = proveRedirect(parameters, context);
    if (redirect.verdict.outcome === 'blocked' || redirect.verdict.outcome === 'not_listed')
      throw new OAuthError('unauthorized_client', 'the administrator does not let this client in');
    readRequestedAccess(parameters, context, redirect.verdict.ceiling);
    requiredInteraction(parameters, undefined, this.clock.now());
  }

  /** Rejects with `PageError` or `AnswerByRedirect`. */
  judge(request: AuthorizationRequest, context: AuthorizeContext, now: Date): Asked {
    const parameters = request.asked(context.pushed);
    if (context.tenant.suspended) throw new PageError('tenant_unavailable');
    const redirect = proveRedirect(parameters, context);
    refuseForPeople(redirect);
    const state = parameters.get('state');
    return this.answering({ context, redirect, state }, () => {
      if (!request.pushed && context.settings.requirePushedRequests)
        throw new OAuthError('invalid_request', 'authorization requests must be pushed here (RFC 9126)');
      if (!request.pushed && redirect.metadata.require_pushed_authorization_requests)
        throw new OAuthError('invalid_request', 'the client has registered that it pushes its requests (RFC 9126 §6)');
      const access = readRequestedAccess(parameters, context, redirect.verdict.ceiling);
      if (context.pushed && context.pushed.bornSeq < access.resource.watermark)
        throw new PageError('session_expired', 'what was asked for has been revoked since it was pushed');
      const interaction = requiredInteraction(parameters, context.session, now, {
        hintedSub: context.hintedSub,
        openedAt: context.pushed ? new Date(context.pushed.claimedAt) : undefined,
      });
      const { resourceId } = access.resource;
      const row = context.grants?.find((grant) => grant.resource_id === resourceId);
      if (access.resource.suspended || context.session?.suspended || context.client?.suspended || row?.suspended) {
        if (interaction.none) throw new OAuthError('access_denied', 'access is suspended by the administrator');
        throw new PageError('access_suspended', undefined, appOf(redirect));
      }
      const adminConsents = context.adminConsents.filter((consent) => consent.resourceId === resourceId);
      const question = {
        scopes: access.scopes,
        grant: row,
        kind: redirect.kind,
        changed: hasChangedSince(row, redirect),
        adminConsent: adminConsentFor(redirect, adminConsents, context.settings),
        settings: context.settings,
        asksAnew: interaction.consent,
        loopback: redirect.loopback,
        now,
      };
      const consent = dueConsent(question);
      if (interaction.none && interaction.login) throw new OAuthError('login_required', 'the person is not signed in');
      if (interaction.none && consent.kind !== 'remembered' && consent.kind !== 'by_admin')
        throw new OAuthError('consent_required', 'the person has not consented to this');
      return {
        context,
        redirect,
        loginHint: parameters.get('login_hint'),
        pushed: request.pushed,
        access,
        interaction,
        state,
        grant: row && { grantId: row.grant_id, scopes: row.scopes },
        consent,
        consentExpired: consentHasExpired(question),
        clientChanged: mustConsentToChange(question),
        changeTaken: question.changed && !mustConsentToChange(question),
      };
    });
  }

  /**
   * Turns an `OAuthError` of `rule` into an answer by redirect. Before anyone of the tenant has trusted the client it is
   * a page instead, unless the person has just refused it: whoever registers a client could otherwise have us send
   * people anywhere without a click (AS-15, RFC 9700 §4.11.2).
   */
  answering<Result>(
    { context, redirect, state }: { context: AuthorizeContext; redirect: ProvenRedirect; state: string | undefined },
    rule: () => Result,
    options: { readonly personHasRefused?: boolean } = {},
  ): Result {
    try {
      return rule();
    } catch (error) {
      if (!(error instanceof OAuthError)) throw error;
      if ((!redirect.admitted || redirect.changed) && !options.personHasRefused)
        throw new PageError('invalid_request', `${error.code}: ${error.description}`);
      const answer = { error: error.code, error_description: error.description, state, iss: context.issuer };
      throw new AnswerByRedirect(authorizationRedirect(redirect.redirectUri, answer));
    }
  }

  /** The person that the context was read for. */
  requireSession(asked: Asked): ContextSession {
    if (!asked.context.session) throw new PageError('session_expired');
    return asked.context.session;
  }
}
