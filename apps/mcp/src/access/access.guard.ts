import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { McpOptions } from '../mcp-options.ts';
import { AccessControl } from './access-control.ts';
import type { Caller } from './caller.ts';
import { admitOrigin } from './cross-origin.ts';
import { HostedResources } from './hosted-resources.ts';
import { notFound, wrongContentType } from './refusal.ts';

/** A request that {@link AccessGuard} has let through. */
export interface AdmittedRequest extends FastifyRequest {
  caller: Caller;
}

/** Everything that comes before dispatch, in this order: origin, content type, resource, token, standing, scope. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    private readonly options: McpOptions,
    private readonly resources: HostedResources,
    private readonly access: AccessControl,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const http = context.switchToHttp();
    const request = http.getRequest<AdmittedRequest>();
    admitOrigin(this.options, request, http.getResponse<FastifyReply>());
    checkContentType(request);
    const { tenant, resource: slug } = request.params as { tenant: string; resource?: string };
    const resource = await this.resources.find(tenant, slug);
    if (resource === undefined) throw notFound();
    request.caller = await this.access.authenticate(resource, {
      method: request.method,
      authorization: request.headers.authorization,
      proof: request.headers['dpop'] as string | undefined,
    });
    this.access.authorize(request.caller, request.body);
    return true;
  }
}

/** A request without a body has nothing to declare: whoever only probes is to be told that a token is needed. */
function checkContentType({ method, headers }: FastifyRequest): void {
  const declared = headers['content-type'];
  if (method !== 'POST' || declared === undefined) return;
  if (!/^application\/json *(?:;|$)/i.test(declared)) throw wrongContentType();
}
