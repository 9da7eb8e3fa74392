import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { DomainError, RateLimited } from '@grantkeeper/kernel';
import { addressKey, BUDGETS, Budgets } from '@grantkeeper/limits';
import { readSignalReceiverCredential } from '@grantkeeper/tokens';
import type { FastifyRequest } from 'fastify';
import { catchError, type Observable } from 'rxjs';

/**
 * Bounds calls with wrong credentials, by the receiver that they name and the address: who proves something is never held
 * up by the failures of others. Costs no round trip when nothing fails.
 */
@Injectable()
export class UnprovenSignalCalls implements NestInterceptor {
  constructor(private readonly budgets: Budgets) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const { tenant = '' } = request.params as { tenant?: string };
    const bearer = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
    const receiver = readSignalReceiverCredential(bearer)?.holderId ?? 'nobody';
    const by = (): readonly string[] => [tenant, receiver, addressKey(request.ip)];
    const wait = this.budgets.exhaustedFor(BUDGETS.unprovenClient, by);
    if (wait > 0) throw new RateLimited(BUDGETS.unprovenClient.name, wait);
    return next.handle().pipe(
      catchError(async (error: unknown) => {
        if (error instanceof DomainError && error.kind === 'unauthenticated')
          await this.budgets.spend(BUDGETS.unprovenClient, by());
        throw error;
      }),
    );
  }
}
