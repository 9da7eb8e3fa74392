import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Logger } from '@nestjs/common';
import { DomainError, type DomainErrorKind, retryAfterOf } from '@grantkeeper/kernel';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** The statuses of SSF §8.1; a body that cannot be read is 400 there. */
const statuses: Readonly<Record<DomainErrorKind, number>> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  too_many: 429,
  unavailable: 503,
};

/** Answers errors of the Shared Signals endpoints: the status says it all, the JSON helps whoever is looking. */
@Catch()
export class SignalErrorsFilter implements ExceptionFilter {
  readonly #logger = new Logger('Signals');

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const reply = http.getResponse<FastifyReply>();
    void reply.header('cache-control', 'no-store');
    if (error instanceof DomainError) {
      if (error.kind === 'unauthenticated') {
        // RFC 6750 §3: who sent no token is told of none.
        const sent = http.getRequest<FastifyRequest>().headers.authorization !== undefined;
        void reply.header('www-authenticate', `Bearer realm="shared signals"${sent ? ', error="invalid_token"' : ''}`);
      }
      if (error.kind === 'too_many') void reply.header('retry-after', String(retryAfterOf(error)));
      void reply.status(statuses[error.kind]).send({ error: error.code, error_description: error.message });
      return;
    }
    const status =
      error instanceof HttpException ? error.getStatus() : ((error as { statusCode?: number }).statusCode ?? 500);
    if (status >= 400 && status < 500) {
      void reply
        .status(status)
        .send(
          status === 404
            ? { error: 'not_found' }
            : { error: 'request.invalid', error_description: 'The request could not be read.' },
        );
      return;
    }
    this.#logger.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
    void reply.status(500).send({ error: 'server_error', error_description: 'Something went wrong on our side.' });
  }
}
