import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Logger } from '@nestjs/common';
import { DomainError, isPassingOutage, OAuthError, PASSING_OUTAGE_SECONDS, retryAfterOf } from '@grantkeeper/kernel';
import type { FastifyReply, FastifyRequest } from 'fastify';

/**
 * Answers errors of protocol endpoints as RFC 6749 §5.2 JSON. A failed client authentication is 401, with a challenge
 * when the client used the Authorization header (AS-42).
 */
@Catch()
export class OAuthErrorFilter implements ExceptionFilter {
  readonly #logger = new Logger('OAuth');

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const reply = http.getResponse<FastifyReply>();
    void reply.header('cache-control', 'no-store').header('pragma', 'no-cache');
    if (error instanceof OAuthError) {
      const status =
        error.code === 'invalid_client' || error.code === 'invalid_token'
          ? 401
          : error.code === 'server_error'
            ? 500
            : error.code === 'temporarily_unavailable'
              ? 503
              : 400;
      if (error.code === 'invalid_token') {
        // RFC 6750 §3: who sent no token is told of none.
        const sent = http.getRequest<FastifyRequest>().headers.authorization !== undefined;
        void reply.header('www-authenticate', `Bearer realm="registration"${sent ? ', error="invalid_token"' : ''}`);
      } else if (status === 401 && http.getRequest<FastifyRequest>().headers.authorization !== undefined) {
        void reply.header('www-authenticate', 'Basic realm="token endpoint", charset="UTF-8"');
      }
      if (status === 503) void reply.header('retry-after', String(error.retryAfterSeconds ?? PASSING_OUTAGE_SECONDS));
      void reply.status(status).send({ error: error.code, error_description: error.description });
      return;
    }
    if (error instanceof DomainError && error.kind === 'not_found') {
      void reply.status(404).send({ error: 'not_found' });
      return;
    }
    if (error instanceof DomainError && error.kind === 'too_many') {
      // A code of RFC 6749 that no client takes for the end of its link, as it would invalid_client or invalid_grant.
      void reply
        .status(429)
        .header('retry-after', String(retryAfterOf(error)))
        .send({ error: 'temporarily_unavailable', error_description: error.message });
      return;
    }
    if (isPassingOutage(error)) {
      // Clients keep their link and come again, as they do not after server_error or invalid_grant (CL-13).
      this.#logger.warn(error instanceof Error ? (error.stack ?? error.message) : String(error));
      void reply
        .status(503)
        .header('retry-after', String(PASSING_OUTAGE_SECONDS))
        .send({ error: 'temporarily_unavailable', error_description: 'the server is busy: send the request again' });
      return;
    }
    const status =
      error instanceof HttpException ? error.getStatus() : ((error as { statusCode?: number }).statusCode ?? 500);
    if (status >= 400 && status < 500) {
      // The request could not even be parsed (JSON, form, size): the error codes of the RFCs have one word for that.
      void reply
        .status(status)
        .send(
          status === 404
            ? { error: 'not_found' }
            : { error: 'invalid_request', error_description: 'the request could not be read' },
        );
      return;
    }
    this.#logger.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
    void reply.status(500).send({ error: 'server_error', error_description: 'something went wrong on our side' });
  }
}
