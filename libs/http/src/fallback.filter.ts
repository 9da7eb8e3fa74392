import { type ArgumentsHost, Catch, type ExceptionFilter, NotFoundException } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { OAuthErrorFilter } from './oauth-error.filter.ts';
import { ProblemFilter } from './problem.filter.ts';
import { type NotFoundPage, wantsPage } from './wants-page.ts';

/**
 * Answers what no controller's filter has seen: unknown addresses and bodies that could not be parsed. An unknown
 * tenant and an unknown address look the same (MT-09).
 */
@Catch()
export class FallbackFilter implements ExceptionFilter {
  readonly #problem = new ProblemFilter();
  readonly #oauth = new OAuthErrorFilter();

  constructor(private readonly page?: NotFoundPage) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const { url } = request;
    if (this.page && error instanceof NotFoundException && !url.startsWith('/admin/') && wantsPage(request)) {
      const { headers, html } = this.page(request);
      const reply = host.switchToHttp().getResponse<FastifyReply>();
      void reply.status(404).headers(headers).type('text/html; charset=utf-8').send(html);
      return;
    }
    (url.startsWith('/admin/') ? this.#problem : this.#oauth).catch(error, host);
  }
}
