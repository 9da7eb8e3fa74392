import { Injectable } from '@nestjs/common';
import { hostCookie, readCookie } from '@grantkeeper/http';
import { Clock } from '@grantkeeper/kernel';
import { clientDisplay } from '@grantkeeper/oauth';
import { newOpaqueSecret } from '@grantkeeper/tokens';
import type { FastifyReply } from 'fastify';
import { AuthorizationSettings } from '../authorization-settings.ts';
import type { AuthorizationRequest } from '../authorize/authorization-request.ts';
import type { Asked } from '../authorize/authorizing.ts';
import { FormSeal } from '../authorize/form-seal.ts';
import { chooseLanguage, clientView, renderLogin, securityHeaders } from '../pages/index.ts';

const statusOf = { none: 200, expired: 200, invalid_credentials: 401, other_account: 401, too_many: 429 } as const;

export interface LoginPage {
  readonly asked: Asked;
  readonly slug: string;
  readonly request: AuthorizationRequest;
  readonly cookie: string | undefined;
  readonly languages: string | undefined;
  readonly problem?: 'invalid_credentials' | 'other_account' | 'expired' | 'too_many';
  /** With `too_many`. */
  readonly retryAfterSeconds?: number;
  readonly email?: string;
}

/**
 * Shows the login page. Before there is a session its form is tied to a cookie of its own, so that nobody can sign a
 * browser in to an account of theirs (login CSRF).
 */
@Injectable()
export class LoginPages {
  constructor(
    private readonly settings: AuthorizationSettings,
    private readonly seals: FormSeal,
    private readonly clock: Clock,
  ) {}

  async show(reply: FastifyReply, page: LoginPage): Promise<void> {
    const { asked, slug, request } = page;
    const held = this.holder(slug, page.cookie) ?? newOpaqueSecret('').secret;
    const html = renderLogin({
      lang: chooseLanguage(page.languages),
      tenantName: asked.context.tenant.displayName,
      client: clientView(clientDisplay(asked.redirect)),
      action: `${asked.context.issuer}/login`,
      request: request.text,
      csrf: this.seals.seal('login', held, `${slug}?${request.text}`, asked.context.position, this.clock.now()),
      email: page.email ?? asked.loginHint,
      problem: page.problem,
    });
    if (page.retryAfterSeconds !== undefined) void reply.header('retry-after', String(page.retryAfterSeconds));
    await reply
      .status(statusOf[page.problem ?? 'none'])
      .header('set-cookie', this.#cookie(slug).set(held, 3600))
      // Chrome holds every later redirect to form-action, also those that the client makes after ours.
      .headers(securityHeaders({ formTargets: 'anywhere' }))
      .type('text/html; charset=utf-8')
      .send(html);
  }

  /** What only this browser has, made when it has nothing yet: then `set` is the Set-Cookie value that gives it to it. */
  hold(slug: string, cookie: string | undefined): { holder: string; cookie: string | undefined; set?: string } {
    const holder = this.holder(slug, cookie);
    if (holder !== undefined) return { holder, cookie };
    const { secret } = newOpaqueSecret('');
    const made = this.#cookie(slug);
    const pairs = [...(cookie === undefined ? [] : [cookie]), `${made.name}=${secret}`];
    return { holder: secret, cookie: pairs.join('; '), set: made.set(secret, 3600) };
  }

  /** What ties a login form to this browser, if it has been given that. */
  holder(slug: string, cookie: string | undefined): string | undefined {
    const value = readCookie(cookie, this.#cookie(slug).name);
    return value !== undefined && /^[A-Za-z0-9_-]{43}$/.test(value) ? value : undefined;
  }

  #cookie(slug: string) {
    return hostCookie(this.settings.authUrl, `gk_login_${slug}`);
  }
}
