import { Injectable } from '@nestjs/common';
import type { PolicySettings } from '@grantkeeper/domain';
import { PersonalData } from '@grantkeeper/keys';
import { Clock, type TenantId } from '@grantkeeper/kernel';
import { clientDisplay, coversScopes, redirectHost } from '@grantkeeper/oauth';
import type { FastifyReply } from 'fastify';
import type { AuthorizationRequest } from '../authorize/authorization-request.ts';
import { type Asked, Authorizing } from '../authorize/authorizing.ts';
import { FormSeal } from '../authorize/form-seal.ts';
import { Issuers } from '../discovery/issuer.ts';
import type { PresentedSession } from '../login/sessions.ts';
import {
  chooseLanguage,
  clientView,
  type ConsentReason,
  issuerScopeView,
  renderConsent,
  securityHeaders,
} from '../pages/index.ts';
import { optionalScopes, scopeField } from './approved-scopes.ts';

/** Shows the consent page: who asks, for what, and where the answer goes. */
@Injectable()
export class ConsentPages {
  constructor(
    private readonly issuers: Issuers,
    private readonly authorizing: Authorizing,
    private readonly personalData: PersonalData,
    private readonly seals: FormSeal,
    private readonly clock: Clock,
  ) {}

  async show(
    reply: FastifyReply,
    asked: Asked,
    slug: string,
    request: AuthorizationRequest,
    session: PresentedSession,
    languages: string | undefined,
    problem?: 'nothing_left',
  ): Promise<void> {
    const { context, redirect, access, grant } = asked;
    const optional = optionalScopes(asked);
    const offline = redirect.metadata.grant_types.includes('refresh_token');
    const person = this.authorizing.requireSession(asked);
    const tenantId: TenantId = await this.issuers.tenantOf(slug);
    if (person.personKey !== null) await this.personalData.learn(tenantId, person.userId, person.personKey);
    const [email, name] = await Promise.all([
      this.personalData.open(tenantId, 'email', person.email),
      this.personalData.open(tenantId, 'name', person.name),
    ]);
    const lang = chooseLanguage(languages);
    const html = renderConsent({
      lang,
      tenantName: context.tenant.displayName,
      reason: reasonOf(asked),
      problem,
      user: { email: email ?? person.sub, name: name ?? undefined },
      client: clientView(clientDisplay(redirect)),
      redirectHost: redirectHost(redirect.redirectUri),
      loopback: redirect.loopback,
      resource: { name: access.resource.displayName, url: access.resource.url },
      scopes: [
        ...access.resource.scopes.filter((scope) => access.scopes.includes(scope.name)),
        ...(['openid', 'profile', 'email'] as const)
          .filter((scope) => access.scopes.includes(scope))
          .map((scope) => issuerScopeView(lang, scope)),
      ].map((scope) => ({
        ...scope,
        alreadyGranted: grant?.scopes.includes(scope.name) ?? false,
        field: !isNotice(asked) && optional.includes(scope.name) ? scopeField(scope.name) : undefined,
      })),
      offline,
      lasts: offline ? offlineLimits(context.settings) : { total: context.settings.accessTokenSeconds },
      action: `${context.issuer}/consent`,
      request: request.text,
      csrf: this.seals.seal(
        'consent',
        session.holder,
        `${slug}?${request.text}`,
        context.position,
        this.clock.now(),
        redirect.metadataDigest,
      ),
      switchAccountAction: `${context.issuer}/switch-account`,
    });
    await reply
      .status(problem ? 422 : 200)
      // Chrome holds every later redirect to form-action, also those that the client makes after ours.
      .headers(securityHeaders({ formTargets: 'anywhere' }))
      .type('text/html; charset=utf-8')
      .send(html);
  }
}

function isNotice({ consent }: Asked): boolean {
  return consent.kind === 'notice' || consent.kind === 'by_admin';
}

function reasonOf(asked: Asked): ConsentReason {
  if (isNotice(asked)) return 'notice';
  if (asked.clientChanged) return 'changed';
  if (asked.grant && !coversScopes(asked.grant.scopes, asked.access.scopes)) return 'more';
  return asked.consentExpired ? 'again' : 'new';
}

function offlineLimits(settings: PolicySettings): { total: number; idle: number } {
  const { refreshAbsoluteSeconds, refreshIdleSeconds, consentMaxAgeDays = Infinity } = settings;
  return { total: Math.min(refreshAbsoluteSeconds, consentMaxAgeDays * 86_400), idle: refreshIdleSeconds };
}
