import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { OAuthErrorFilter } from './oauth-error.filter.ts';
import { ProblemFilter } from './problem.filter.ts';

/**
 * Answers what no controller's filter has seen: unknown addresses and bodies that could not be parsed. An unknown
 * tenant and an unknown address look the same (MT-09).
 */
@Catch()
export class FallbackFilter implements ExceptionFilter {
  readonly #problem = new ProblemFilter();
  readonly #oauth = new OAuthErrorFilter();

  catch(error: unknown, host: ArgumentsHost): void {
    const { url } = host.switchToHttp().getRequest<FastifyRequest>();
    (url.startsWith('/admin/') ? this.#problem : this.#oauth).catch(error, host);
  }
}
