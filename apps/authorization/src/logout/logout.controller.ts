import { Body, Controller, Get, Headers, Ip, Param, Post, Req, Res, UseFilters } from '@nestjs/common';
import { Clock, type TenantId } from '@grantkeeper/kernel';
import { readParameters } from '@grantkeeper/oauth';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { stringify } from 'node:querystring';
import { AuthorizationRequest } from '../authorize/authorization-request.ts';
import type { AuthorizeContext } from '../authorize/authorize-context.ts';
import { Authorizing } from '../authorize/authorizing.ts';
import { FormSeal } from '../authorize/form-seal.ts';
import { PageError } from '../authorize/page-error.ts';
import { PageFilter } from '../authorize/page.filter.ts';
import { claimedClient } from '../authorize/rules/hinted-person.ts';
import { Issuers } from '../discovery/issuer.ts';
import { type PresentedSession, Sessions } from '../login/sessions.ts';
import { chooseLanguage, renderSignedOut, renderSignOut, securityHeaders } from '../pages/index.ts';
import { LogoutRequest, logoutRedirect } from './logout-request.ts';

/** A logout request that has been read and judged. */
interface Leaving {
  readonly tenantId: TenantId;
  readonly context: AuthorizeContext;
  /** It came with an ID token that was made here for its client. */
  readonly hinted: boolean;
  /** And for whoever is signed in. */
  readonly hintFits: boolean;
  /** Registered by an admitted client, exactly; with the `state`. */
  readonly redirect: string | undefined;
}

/**
 * RP-initiated logout (OpenID Connect RP-Initiated Logout 1.0): ends the session in the browser, and no link. Without an
 * ID token of whoever is signed in the person is asked first, so that no page can sign people out behind their backs; and
 * without a click or an ID token nobody is sent anywhere.
 */
@Controller('t/:tenant')
@UseFilters(PageFilter)
export class LogoutController {
  constructor(
    private readonly issuers: Issuers,
    private readonly sessions: Sessions,
    private readonly authorizing: Authorizing,
    private readonly seals: FormSeal,
    private readonly clock: Clock,
  ) {}

  @Get('logout')
  async logout(
    @Param('tenant') slug: string,
    @Req() http: FastifyRequest,
    @Headers('cookie') cookie: string | undefined,
    @Headers('accept-language') languages: string | undefined,
    @Ip() address: string,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const request = LogoutRequest.read(http.url.split('?').slice(1).join('?'));
    const session = this.sessions.read(slug, cookie);
    const leaving = await this.#judge(slug, request, session, address);
    const { context } = leaving;
    if (session && context.session && !leaving.hintFits) {
      const html = renderSignOut({
        lang: chooseLanguage(languages),
        tenantName: context.tenant.displayName,
        action: `${context.issuer}/sign-out`,
        request: request.text,
        csrf: this.seals.seal('logout', session.holder, `${slug}?${request.text}`, context.position, this.clock.now()),
      });
      // Chrome holds every later redirect to form-action, also those that the client makes after ours.
      await this.#page(reply, html, 'anywhere');
      return;
    }
    return this.#leave(reply, slug, session, leaving, languages, leaving.hinted ? leaving.redirect : undefined);
  }

  /** The same by POST: sent on, because a post from another site comes without the session's cookie. */
  @Post('logout')
  async logoutByPost(
    @Param('tenant') slug: string,
    @Body() body: Record<string, string> | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const issuer = await this.issuers.urlOf(await this.issuers.tenantOf(slug));
    const { text } = LogoutRequest.read(stringify(body ?? {}));
    await reply.header('cache-control', 'no-store').redirect(`${issuer}/logout?${text}`, 303);
  }

  /** What the sign-out page posts. */
  @Post('sign-out')
  async signOut(
    @Param('tenant') slug: string,
    @Body() body: Record<string, unknown>,
    @Headers('cookie') cookie: string | undefined,
    @Headers('accept-language') languages: string | undefined,
    @Ip() address: string,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.issuers.tenantOf(slug);
    const form = readParameters(body ?? {});
    const request = LogoutRequest.read(form.get('request') ?? '');
    const session = this.sessions.read(slug, cookie);
    const seal =
      session &&
      this.seals.open(form.get('csrf') ?? '', 'logout', session.holder, `${slug}?${request.text}`, this.clock.now());
    if (!seal) throw new PageError('session_expired');
    const leaving = await this.#judge(slug, request, session, address);
    return this.#leave(reply, slug, session, leaving, languages, leaving.redirect);
  }

  async #judge(
    slug: string,
    request: LogoutRequest,
    session: PresentedSession | undefined,
    address: string,
  ): Promise<Leaving> {
    const tenantId = await this.issuers.tenantOf(slug);
    const { parameters } = request;
    const idToken = parameters.get('id_token_hint');
    const named = idToken === undefined ? undefined : claimedClient(idToken);
    const clientId = parameters.get('client_id') ?? named;
    if (named !== undefined && clientId !== named)
      throw new PageError('invalid_request', 'the ID token was issued to another client than client_id');
    const asked = clientId !== undefined && { client_id: clientId, ...(idToken && { id_token_hint: idToken }) };
    const context = await this.authorizing.read(
      tenantId,
      AuthorizationRequest.read(asked ? stringify(asked) : '', ''),
      session,
      address,
    );
    const hinted = typeof context.hintedSub === 'string';
    const redirectUri = parameters.get('post_logout_redirect_uri');
    // Of a client that somebody has consented to: a mere registration is anyone's.
    if (
      redirectUri !== undefined &&
      !(context.client?.metadata.post_logout_redirect_uris ?? []).includes(redirectUri)
    ) {
      throw new PageError('invalid_redirect_uri', 'post_logout_redirect_uri is not registered for the client');
    }
    return {
      tenantId,
      context,
      hinted,
      hintFits: hinted && context.session?.sub === context.hintedSub,
      redirect: redirectUri && logoutRedirect(redirectUri, parameters.get('state')),
    };
  }

  async #leave(
    reply: FastifyReply,
    slug: string,
    session: PresentedSession | undefined,
    { tenantId, context }: Leaving,
    languages: string | undefined,
    redirect: string | undefined,
  ): Promise<void> {
    void reply.header('set-cookie', await this.sessions.end(tenantId, slug, session));
    if (redirect !== undefined) {
      await reply.header('cache-control', 'no-store').header('referrer-policy', 'no-referrer').redirect(redirect, 303);
      return;
    }
    const page = { lang: chooseLanguage(languages), tenantName: context.tenant.displayName };
    await this.#page(reply, renderSignedOut(page), []);
  }

  async #page(reply: FastifyReply, html: string, formTargets: readonly string[] | 'anywhere'): Promise<void> {
    await reply.status(200).headers(securityHeaders({ formTargets })).type('text/html; charset=utf-8').send(html);
  }
}
