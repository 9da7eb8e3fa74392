import { AccessRefusal, cannotTell } from '../access-refusal.ts';
import type { Access, Guard } from '../guard.ts';
import { authInfo, type AuthInfo } from './auth-info.ts';
import {
  admitNodeRequest,
  cutWhenAccessEnds,
  type NodeRequest,
  type OpenResponse,
  type Protection,
  refusalHeaders,
} from './protection.ts';

export type { AuthInfo } from './auth-info.ts';
export type { Protection } from './protection.ts';

/** The part of Nest's `ExecutionContext` that is needed. */
export interface ExecutionContextLike {
  switchToHttp(): { getRequest<T>(): T; getResponse<T>(): T };
}

/** A request that has been let through. */
export interface AdmittedRequest {
  auth?: AuthInfo;
  access?: Access;
}

export interface NestProtection extends Protection {
  /**
   * Makes Nest's exception of a refusal, for filters and logs that know no other:
   * `exception: ({ body, status }) => new HttpException(body, status)`. Without it the `AccessRefusal` itself is thrown,
   * which Nest's own filter answers with its status.
   */
  readonly exception?: (refusal: AccessRefusal) => Error;
}

/**
 * A Nest guard, for `@UseGuards(protect(guard))` or `app.useGlobalGuards(…)`, on Express and on Fastify. Lets through who
 * is admitted, and puts `auth` and `access` into the request. A response that is still open when its access ends is cut off.
 */
export function protect(
  guard: Guard,
  { exception = (refusal) => refusal, ...protection }: NestProtection = {},
): { canActivate(context: ExecutionContextLike): Promise<boolean> } {
  return {
    async canActivate(context) {
      const http = context.switchToHttp();
      const request = http.getRequest<NodeRequest & { raw?: object }>();
      try {
        const access = await admitNodeRequest(guard, request, protection);
        const auth = authInfo(access);
        Object.assign(request, { auth, access } satisfies AdmittedRequest);
        if (request.raw) Object.assign(request.raw, { auth });
        const response = http.getResponse<OpenResponse & { raw?: OpenResponse }>();
        cutWhenAccessEnds(guard, access, response.raw ?? response);
        return true;
      } catch (error) {
        const refusal = error instanceof AccessRefusal ? error : cannotTell(error);
        const response = http.getResponse<{ header(name: string, value: string): unknown }>();
        // The body's type is for whoever renders it.
        const { 'content-type': _, ...headers } = refusalHeaders(refusal.headers);
        for (const [name, value] of Object.entries(headers)) response.header(name, value);
        throw exception(refusal);
      }
    },
  };
}
