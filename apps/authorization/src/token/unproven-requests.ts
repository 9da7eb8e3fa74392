import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { OAuthError, RateLimited } from '@grantkeeper/kernel';
import { addressKey, type Budget, BUDGETS, Budgets } from '@grantkeeper/limits';
import { readEnforcementPointCredential, RefreshTokens } from '@grantkeeper/tokens';
import type { FastifyRequest } from 'fastify';
import { catchError, from, mergeMap, type Observable } from 'rxjs';

/**
 * Bounds requests that prove nothing (a wrong secret, an unknown code, a made-up token), by client and address, and the
 * uses of one family's refresh tokens. Who proves something is never held up by the failures of others: hosts send the
 * calls of all their people from a few addresses. Costs no round trip when nothing fails.
 */
@Injectable()
export class UnprovenRequests implements NestInterceptor {
  constructor(
    private readonly budgets: Budgets,
    private readonly refreshTokens: RefreshTokens,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    return from(this.#admit(request)).pipe(
      mergeMap((proven) =>
        next.handle().pipe(
          catchError(async (error: unknown) => {
            if (!proven && isFailedProof(error)) await this.#count(request);
            throw error;
          }),
        ),
      ),
    );
  }

  /** Whether the request holds a refresh token of ours. Rejects with `RateLimited`. */
  async #admit(request: FastifyRequest): Promise<boolean> {
    const family = this.#familyOf(request);
    if (family !== undefined) {
      const { exceeded, retryAfterSeconds } = await this.budgets.spendLocally(BUDGETS.family, family);
      if (exceeded) throw new RateLimited(BUDGETS.family.name, retryAfterSeconds);
      return true;
    }
    for (const [budget, what] of budgetsOf(request)) {
      const wait = this.budgets.exhaustedFor(budget, what);
      if (wait > 0) throw new RateLimited(budget.name, wait);
    }
    return false;
  }

  async #count(request: FastifyRequest): Promise<void> {
    await Promise.all(budgetsOf(request).map(([budget, what]) => this.budgets.spend(budget, what())));
  }

  #familyOf(request: FastifyRequest): readonly string[] | undefined {
    const { refresh_token: token } = parametersOf(request);
    const name = typeof token === 'string' ? this.refreshTokens.nameOf(token) : undefined;
    return name && [name.tenantId, name.familyId];
  }
}

function isFailedProof(error: unknown): boolean {
  return error instanceof OAuthError && (error.code === 'invalid_client' || error.code === 'invalid_grant');
}

function budgetsOf(request: FastifyRequest): ReadonlyArray<readonly [Budget, () => readonly string[]]> {
  const tenant = (request.params as { tenant?: string }).tenant ?? '';
  return [
    [BUDGETS.unprovenClient, () => [tenant, clientOf(request), addressKey(request.ip)]],
    [BUDGETS.unprovenAddress, () => [tenant, addressKey(request.ip)]],
  ];
}

/** Whom the request says it is from: a name to count by, nothing that anything is allowed for. */
function clientOf(request: FastifyRequest): string {
  const { client_id: id, client_assertion: assertion } = parametersOf(request);
  if (typeof id === 'string') return id;
  const { authorization = '' } = request.headers;
  const basic = /^Basic +(\S+)$/i.exec(authorization)?.[1];
  if (basic !== undefined) return decoded(Buffer.from(basic, 'base64').toString().split(':', 1)[0]!);
  const bearer = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
  if (bearer !== undefined) return readEnforcementPointCredential(bearer)?.pointId ?? 'bearer';
  // All assertions of an address together: their subject could be made up as well.
  return typeof assertion === 'string' ? 'assertion' : '';
}

/** As the client is looked up (AS-39): an id has many spellings, and one budget. */
function decoded(id: string): string {
  try {
    return decodeURIComponent(id.replaceAll('+', ' '));
  } catch {
    return '';
  }
}

function parametersOf(request: FastifyRequest): Record<string, unknown> {
  return typeof request.body === 'object' && request.body !== null ? (request.body as Record<string, unknown>) : {};
}
