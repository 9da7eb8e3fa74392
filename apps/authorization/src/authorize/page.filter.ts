import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Logger } from '@nestjs/common';
import { wantsPage } from '@grantkeeper/http';
import { DomainError, isPassingOutage, OAuthError, PASSING_OUTAGE_SECONDS, retryAfterOf } from '@grantkeeper/kernel';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Issuers } from '../discovery/issuer.ts';
import { chooseLanguage, type ErrorApp, type ErrorKind, renderError, securityHeaders } from '../pages/index.ts';
import { AnswerByRedirect } from './authorizing.ts';
import { PageError } from './page-error.ts';

const statusOf: Record<ErrorKind, number> = {
  unknown_client: 400,
  client_unreachable: 400,
  invalid_redirect_uri: 400,
  invalid_request: 400,
  session_expired: 400,
  tenant_unavailable: 403,
  access_suspended: 403,
  client_blocked: 403,
  client_not_listed: 403,
  client_asked: 403,
  client_refused: 403,
  client_requests_full: 403,
  not_found: 404,
  too_many: 429,
  busy: 503,
  server_error: 500,
};

/** Ends the pages' requests: by the client's redirect where that is proven, else by a page that says what to do. */
@Catch()
export class PageFilter implements ExceptionFilter {
  readonly #logger = new Logger('Pages');

  constructor(private readonly issuers: Issuers) {}

  async catch(error: unknown, host: ArgumentsHost): Promise<void> {
    const http = host.switchToHttp();
    const reply = http.getResponse<FastifyReply>();
    const request = http.getRequest<FastifyRequest>();
    if (error instanceof AnswerByRedirect) {
      void reply
        .header('cache-control', 'no-store')
        .header('referrer-policy', 'no-referrer')
        .redirect(error.location, 303);
      return;
    }
    const page = this.#page(error, request.id);
    // To a program an unknown tenant looks like any unknown address (MT-09), and to a person as well.
    if (page.kind === 'not_found' && !wantsPage(request)) {
      void reply.status(404).header('cache-control', 'no-store').send({ error: 'not_found' });
      return;
    }
    if (error instanceof DomainError && error.kind === 'too_many')
      void reply.header('retry-after', String(retryAfterOf(error)));
    if (page.kind === 'busy') void reply.header('retry-after', String(PASSING_OUTAGE_SECONDS));
    const lang = chooseLanguage(request.headers['accept-language']);
    const tenantName = await this.#tenantName(page.kind, request);
    void reply
      .status(statusOf[page.kind])
      .headers(securityHeaders({ formTargets: [] }))
      .type('text/html; charset=utf-8')
      .send(renderError({ lang, tenantName, reference: request.id, ...page }));
  }

  /** Whose page it is. Not when the database may be what fails, nor for a guest whom we ask to wait. */
  async #tenantName(kind: ErrorKind, { params }: FastifyRequest): Promise<string | undefined> {
    if (['not_found', 'busy', 'server_error', 'too_many'].includes(kind)) return undefined;
    return this.issuers.nameOf((params as { tenant?: string }).tenant ?? '').catch(() => undefined);
  }

  #page(
    error: unknown,
    reference: string,
  ): { kind: ErrorKind; details?: string | undefined; app?: ErrorApp | undefined } {
    if (error instanceof PageError) return { kind: error.kind, details: error.detail, app: error.app };
    if (error instanceof OAuthError) return { kind: 'invalid_request', details: `${error.code}: ${error.description}` };
    if (error instanceof DomainError && error.kind === 'too_many') return { kind: 'too_many' };
    if (error instanceof DomainError) return { kind: 'invalid_request', details: error.message };
    if (isPassingOutage(error)) {
      this.#logger.warn({ msg: 'a page failed for the moment', reference, err: error });
      return { kind: 'busy' };
    }
    const status =
      error instanceof HttpException ? error.getStatus() : ((error as { statusCode?: number }).statusCode ?? 500);
    if (status === 404) return { kind: 'not_found' };
    if (status >= 400 && status < 500) return { kind: 'invalid_request' };
    this.#logger.error({ msg: 'a page failed', reference, err: error });
    return { kind: 'server_error' };
  }
}
