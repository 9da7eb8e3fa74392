import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Logger } from '@nestjs/common';
import {
  ConcurrencyError,
  DomainError,
  type DomainErrorKind,
  isPassingOutage,
  PASSING_OUTAGE_SECONDS,
  retryAfterOf,
} from '@grantkeeper/kernel';
import type { FastifyReply } from 'fastify';

const statusOf: Record<DomainErrorKind, number> = {
  invalid: 422,
  not_found: 404,
  conflict: 409,
  forbidden: 403,
  unauthenticated: 401,
  too_many: 429,
  unavailable: 503,
};

/** Answers every error of the admin API as RFC 9457 `application/problem+json`; bugs and outages by a fixed sentence. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  readonly #logger = new Logger('AdminApi');

  catch(error: unknown, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const problem = this.#problem(error);
    // A stream that has begun cannot become an error: cut it, so that nobody takes a part for the whole.
    if (reply.raw.headersSent) {
      reply.raw.destroy();
      return;
    }
    if (problem.status === 401) reply.header('www-authenticate', 'Bearer realm="Grantkeeper admin API"');
    if (problem.status === 429 && error instanceof DomainError)
      reply.header('retry-after', String(retryAfterOf(error)));
    if (problem.status === 503) reply.header('retry-after', String(PASSING_OUTAGE_SECONDS));
    void reply
      .status(problem.status)
      .header('cache-control', 'no-store')
      .type('application/problem+json')
      .send(problem);
  }

  #problem(error: unknown): { type: string; title: string; status: number; detail: string; field?: string } {
    if (error instanceof DomainError) {
      const status = statusOf[error.kind];
      const { code, message, field } = error;
      return { type: `urn:problem:${code}`, title: titles[status]!, status, detail: message, ...(field && { field }) };
    }
    if (error instanceof ConcurrencyError) {
      const detail = 'Others are changing the same thing. Nothing was changed; send the request again.';
      return { type: 'urn:problem:conflict', title: titles[409]!, status: 409, detail };
    }
    if (isPassingOutage(error)) {
      this.#logger.warn(error instanceof Error ? (error.stack ?? error.message) : String(error));
      const detail =
        'The ledger is busy or out of reach. Send the request again, under the same Idempotency-Key if it has one.';
      return { type: 'urn:problem:unavailable', title: titles[503]!, status: 503, detail };
    }
    const status =
      error instanceof HttpException ? error.getStatus() : ((error as { statusCode?: number }).statusCode ?? 500);
    if (status >= 400 && status < 500) {
      const notJson =
        (error as { code?: unknown }).code === 'FST_ERR_CTP_INVALID_JSON_BODY' || error instanceof SyntaxError;
      const detail =
        status === 404
          ? 'There is nothing at this address.'
          : notJson
            ? 'The body is not valid JSON.'
            : 'The request could not be read.';
      return { type: `urn:problem:http.${status}`, title: titles[status] ?? 'The request was refused', status, detail };
    }
    this.#logger.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
    const detail = 'Something went wrong on our side. Nothing was changed unless a later request shows it.';
    return { type: 'urn:problem:server_error', title: titles[500]!, status: 500, detail };
  }
}

const titles: Record<number, string> = {
  400: 'The request could not be read',
  401: 'Authentication is needed',
  403: 'This is not allowed',
  404: 'Not found',
  409: 'Conflict',
  413: 'The request is too large',
  415: 'The content type is not supported',
  422: 'The request is not valid',
  429: 'Too many requests',
  500: 'Server error',
  503: 'Not available at the moment',
};
