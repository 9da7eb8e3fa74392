import { Body, Controller, Headers, Ip, Param, Post, Res, UseFilters } from '@nestjs/common';
import type { PolicySettings } from '@grantkeeper/domain';
import { Database, type Position } from '@grantkeeper/event-store';
import { TenantKeys } from '@grantkeeper/keys';
import { Clock } from '@grantkeeper/kernel';
import { readParameters } from '@grantkeeper/oauth';
import { verifyPassword } from '@grantkeeper/tokens';
import type { FastifyReply } from 'fastify';
import { AuthorizationRequest } from '../authorize/authorization-request.ts';
import { Authorizing } from '../authorize/authorizing.ts';
import { FormSeal } from '../authorize/form-seal.ts';
import { PageError } from '../authorize/page-error.ts';
import { PageFilter } from '../authorize/page.filter.ts';
import { Issuers } from '../discovery/issuer.ts';
import { KnownDevices } from './known-devices.ts';
import { LoginAttempts } from './login-attempts.ts';
import { LoginPages } from './login-page.ts';
import { Sessions } from './sessions.ts';

interface LoginContext {
  readonly position: Position;
  readonly settings: PolicySettings;
  readonly userId: string | null;
  readonly sub: string | null;
  readonly suspended: boolean | null;
  readonly passwordHash: string | null;
}

/** Signs a person in by e-mail and password. */
@Controller('t/:tenant/login')
@UseFilters(PageFilter)
export class LoginController {
  constructor(
    private readonly issuers: Issuers,
    private readonly database: Database,
    private readonly tenantKeys: TenantKeys,
    private readonly authorizing: Authorizing,
    private readonly sessions: Sessions,
    private readonly pages: LoginPages,
    private readonly seals: FormSeal,
    private readonly attempts: LoginAttempts,
    private readonly devices: KnownDevices,
    private readonly clock: Clock,
  ) {}

  @Post()
  async login(
    @Param('tenant') slug: string,
    @Body() body: Record<string, unknown>,
    @Headers('cookie') cookie: string | undefined,
    @Headers('accept-language') languages: string | undefined,
    @Ip() address: string,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const tenantId = await this.issuers.tenantOf(slug);
    const form = readParameters(body ?? {});
    const holder = this.pages.holder(slug, cookie);
    const request = AuthorizationRequest.read(form.get('request') ?? '', holder ?? '');
    // The request is judged again: nothing that a form carries is trusted because a page once showed it.
    const context = await this.authorizing.read(tenantId, request, undefined, address);
    const asked = this.authorizing.judge(request, context, this.clock.now());
    const page = { asked, slug, request, cookie, languages, email: form.get('email') ?? '' };

    if (
      !holder ||
      !this.seals.open(form.get('csrf') ?? '', 'login', holder, `${slug}?${request.text}`, this.clock.now())
    ) {
      return this.pages.show(reply, { ...page, problem: 'expired' });
    }
    const account = await this.tenantKeys.emailIndex(tenantId, page.email);
    const device = this.devices.known(tenantId, slug, account, cookie, this.clock.now());
    const attempt = { tenantId, account, address, device };
    const wait = await this.attempts.begin(attempt);
    if (wait !== undefined) return this.pages.show(reply, { ...page, problem: 'too_many', retryAfterSeconds: wait });
    const person = await this.database.call<LoginContext>('login_context', tenantId, { emailIndex: account });
    const proven = await verifyPassword(form.get('password') ?? '', person.passwordHash ?? undefined);
    if (!proven || person.userId === null) {
      return this.pages.show(reply, { ...page, problem: 'invalid_credentials' });
    }
    await this.attempts.succeeded(attempt);
    // Told to the person alone: whoever guesses does not get this far.
    if (person.suspended) throw new PageError('access_suspended');
    // Right person, wrong one for this client: it would be given somebody whom it did not ask for.
    if (typeof context.hintedSub === 'string' && context.hintedSub !== person.sub) {
      return this.pages.show(reply, { ...page, problem: 'other_account' });
    }
    // Never an old session made valid, and no old one left behind.
    await this.sessions.end(tenantId, slug, this.sessions.read(slug, cookie));
    const session = await this.sessions.start(tenantId, slug, {
      userId: person.userId,
      position: person.position,
      authTime: this.clock.now(),
      amr: ['pwd'],
      lifetimeSeconds: person.settings.sessionSeconds,
    });
    await reply
      .header('set-cookie', [
        session,
        ...(device ? [] : [this.devices.remember(tenantId, slug, account, this.clock.now())]),
      ])
      .header('cache-control', 'no-store')
      .redirect(`${context.issuer}/authorize?${request.afterLogin()}`, 303);
  }
}
