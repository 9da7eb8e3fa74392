import { Controller, Get, Headers, Ip, Param, Req, Res, UseFilters } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { Clock } from '@grantkeeper/kernel';
import { authorizationRedirect } from '@grantkeeper/oauth';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ConsentPages } from '../consent/consent-page.ts';
import { ConsentOvertaken, GrantConsent } from '../consent/grant-consent.handler.ts';
import { Issuers } from '../discovery/issuer.ts';
import { LoginPages } from '../login/login-page.ts';
import { Sessions } from '../login/sessions.ts';
import { AuthorizationRequest } from './authorization-request.ts';
import { Authorizing } from './authorizing.ts';
import { ClientRequests } from './client-requests.ts';
import { Codes } from './codes.ts';
import { PageFilter } from './page.filter.ts';

/** The authorization endpoint (OAuth 2.1 §4.1.1): login page, consent page, or the answer at once. */
@Controller('t/:tenant/authorize')
@UseFilters(PageFilter)
export class AuthorizeController {
  constructor(
    private readonly issuers: Issuers,
    private readonly sessions: Sessions,
    private readonly authorizing: Authorizing,
    private readonly codes: Codes,
    private readonly clientRequests: ClientRequests,
    private readonly loginPages: LoginPages,
    private readonly consentPages: ConsentPages,
    private readonly commands: CommandBus,
    private readonly clock: Clock,
  ) {}

  @Get()
  async authorize(
    @Param('tenant') slug: string,
    @Req() http: FastifyRequest,
    @Headers('cookie') presented: string | undefined,
    @Headers('accept-language') languages: string | undefined,
    @Ip() address: string,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const tenantId = await this.issuers.tenantOf(slug);
    const held = this.loginPages.hold(slug, presented);
    const { cookie } = held;
    const request = AuthorizationRequest.read(http.url.split('?').slice(1).join('?'), held.holder);
    if (request.pushed && held.set !== undefined) void reply.header('set-cookie', held.set);
    const session = this.sessions.read(slug, cookie);
    const context = await this.authorizing.read(tenantId, request, session, address);
    const asked = this.authorizing.judge(request, context, this.clock.now());
    if (asked.interaction.login || !session)
      return this.loginPages.show(reply, { asked, slug, request, cookie, languages });
    if (asked.redirect.verdict.outcome === 'review') throw await this.clientRequests.ask(tenantId, asked);
    let code: string;
    if (asked.consent.kind === 'remembered' && asked.grant) {
      code = await this.codes.issueUnderGrant(tenantId, asked, asked.grant.grantId);
    } else if (asked.consent.kind === 'by_admin') {
      const { adminConsentId } = asked.consent;
      const byAdmin = { adminConsentId, shown: false };
      try {
        ({ code } = await this.commands.execute(
          new GrantConsent(
            tenantId,
            request,
            session,
            context,
            context.position,
            address,
            asked.access.scopes,
            byAdmin,
          ),
        ));
      } catch (error) {
        if (!(error instanceof ConsentOvertaken)) throw error;
        return this.consentPages.show(reply, error.asked, slug, request, session, languages);
      }
    } else {
      return this.consentPages.show(reply, asked, slug, request, session, languages);
    }
    const location = authorizationRedirect(asked.redirect.redirectUri, {
      code,
      state: asked.state,
      iss: context.issuer,
    });
    await reply.header('cache-control', 'no-store').header('referrer-policy', 'no-referrer').redirect(location, 303);
  }
}
