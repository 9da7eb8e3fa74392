import { Body, Controller, Headers, Ip, Param, Post, Res, UseFilters } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { Database, type Position } from '@grantkeeper/event-store';
import { Clock, OAuthError } from '@grantkeeper/kernel';
import { authorizationRedirect, readParameters, type Parameters } from '@grantkeeper/oauth';
import type { FastifyReply } from 'fastify';
import { AuthorizationRequest } from '../authorize/authorization-request.ts';
import { type Asked, Authorizing } from '../authorize/authorizing.ts';
import { ClientRequests } from '../authorize/client-requests.ts';
import { FormSeal } from '../authorize/form-seal.ts';
import { PageError } from '../authorize/page-error.ts';
import { PageFilter } from '../authorize/page.filter.ts';
import { Issuers } from '../discovery/issuer.ts';
import { LoginPages } from '../login/login-page.ts';
import { type PresentedSession, Sessions } from '../login/sessions.ts';
import { approvedScopes, splitScopeFields } from './approved-scopes.ts';
import { ConsentPages } from './consent-page.ts';
import { ConsentOvertaken, GrantConsent } from './grant-consent.handler.ts';

/** What the consent page posts: approve, refuse, or use another account. */
@Controller('t/:tenant')
@UseFilters(PageFilter)
export class ConsentController {
  constructor(
    private readonly issuers: Issuers,
    private readonly sessions: Sessions,
    private readonly authorizing: Authorizing,
    private readonly seals: FormSeal,
    private readonly pages: ConsentPages,
    private readonly clientRequests: ClientRequests,
    private readonly loginPages: LoginPages,
    private readonly database: Database,
    private readonly commands: CommandBus,
    private readonly clock: Clock,
  ) {}

  @Post('consent')
  async decide(
    @Param('tenant') slug: string,
    @Body() body: Record<string, unknown>,
    @Headers('cookie') cookie: string | undefined,
    @Headers('accept-language') languages: string | undefined,
    @Ip() address: string,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const tenantId = await this.issuers.tenantOf(slug);
    const { kept, rest } = splitScopeFields(body ?? {});
    const form = readParameters(rest);
    const { request, session, shownAt, shown } = this.#open(form, slug, cookie);
    const context = await this.authorizing.read(tenantId, request, session, address);
    const asked = this.authorizing.judge(request, context, this.clock.now());
    this.authorizing.requireSession(asked);

    if (form.get('decision') === 'refuse') {
      if (asked.pushed) await this.database.call('answer_request', tenantId, { requestHash: asked.pushed.requestHash });
      const refuse = () => {
        throw new OAuthError('access_denied', 'the person refused');
      };
      this.authorizing.answering(asked, refuse, { personHasRefused: true });
    }
    if (form.get('decision') !== 'approve')
      throw new PageError('invalid_request', 'decision must be approve or refuse');
    const showAgain = async (now: Asked): Promise<void> => {
      if (now.redirect.verdict.outcome === 'review') throw await this.clientRequests.ask(tenantId, now);
      await this.pages.show(reply, now, slug, request, session, languages);
    };
    // The app, or what is decided about it, has changed while the page was open: nobody has seen what it says now.
    if (shown !== asked.redirect.metadataDigest || asked.redirect.verdict.outcome !== 'allowed')
      return showAgain(asked);
    // A notice is confirmed as it is; on the consent page the person has chosen.
    const notice = form.get('basis') === 'admin' ? asked.consent : undefined;
    const byAdmin =
      notice && 'adminConsentId' in notice ? { adminConsentId: notice.adminConsentId, shown: true } : undefined;
    if (form.get('basis') === 'admin' && !byAdmin)
      return this.pages.show(reply, asked, slug, request, session, languages);
    const approved = byAdmin ? asked.access.scopes : approvedScopes(asked, kept);
    if (approved.length === 0) return this.pages.show(reply, asked, slug, request, session, languages, 'nothing_left');
    try {
      const granted = await this.commands.execute(
        new GrantConsent(tenantId, request, session, context, shownAt, address, approved, byAdmin),
      );
      const answer = { code: granted.code, state: granted.asked.state, iss: context.issuer };
      const location = authorizationRedirect(granted.asked.redirect.redirectUri, answer);
      await reply.header('cache-control', 'no-store').header('referrer-policy', 'no-referrer').redirect(location, 303);
    } catch (error) {
      if (!(error instanceof ConsentOvertaken)) throw error;
      await showAgain(error.asked);
    }
  }

  @Post('switch-account')
  async switchAccount(
    @Param('tenant') slug: string,
    @Body() body: Record<string, unknown>,
    @Headers('cookie') cookie: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const tenantId = await this.issuers.tenantOf(slug);
    const { request, session } = this.#open(readParameters(body ?? {}), slug, cookie);
    const { issuer } = await this.issuers.factsOf(tenantId);
    await reply
      .header('set-cookie', await this.sessions.end(tenantId, slug, session))
      .header('cache-control', 'no-store')
      .redirect(`${issuer}/authorize?${request.text}`, 303);
  }

  #open(
    form: Parameters,
    slug: string,
    cookie: string | undefined,
  ): {
    request: AuthorizationRequest;
    session: PresentedSession;
    shownAt: Position;
    shown: string;
  } {
    const session = this.sessions.read(slug, cookie);
    if (!session) throw new PageError('session_expired');
    const request = AuthorizationRequest.read(form.get('request') ?? '', this.loginPages.holder(slug, cookie) ?? '');
    const seal = this.seals.open(
      form.get('csrf') ?? '',
      'consent',
      session.holder,
      `${slug}?${request.text}`,
      this.clock.now(),
    );
    if (!seal) throw new PageError('session_expired');
    return { request, session, shownAt: seal.position, shown: seal.shown };
  }
}
