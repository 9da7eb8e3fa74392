import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Logger } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { cannotTell, Refusal } from './refusal.ts';

/** Renders refusals as JSON that nobody may keep. What was not foreseen is logged once and becomes a 503: never access. */
@Catch()
export class RefusalFilter implements ExceptionFilter {
  readonly #logger = new Logger('McpAccess');

  catch(error: unknown, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    if (error instanceof HttpException) {
      void reply.status(error.getStatus()).send(error.getResponse());
      return;
    }
    const refusal = error instanceof Refusal ? error : cannotTell(error);
    if (refusal.cause !== undefined)
      this.#logger.error(
        refusal.message,
        refusal.cause instanceof Error ? refusal.cause.stack : JSON.stringify(refusal.cause),
      );
    void reply
      .status(refusal.status)
      .headers({ ...refusal.headers, 'cache-control': 'no-store' })
      .send(refusal.body);
  }
}
