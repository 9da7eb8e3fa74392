import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { McpOptions } from '../mcp-options.ts';
import { AccessControl } from './access-control.ts';
import type { Caller } from './caller.ts';
import { admitOrigin } from './cross-origin.ts';
import { HostedResources } from './hosted-resources.ts';
import { cannotTell, notFound, wrongContentType } from './refusal.ts';

/** A request that {@link AccessGuard} has let through. */
export interface AdmittedRequest extends FastifyRequest {
  caller: Caller;
}

/** Whoever cannot be judged for so long is told so, rather than kept waiting for a database that has vanished. */
const DECIDED_WITHIN_MS = 5_000;

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
    request.caller = await decidedInTime(this.#callerOf(request));
    this.access.authorize(request.caller, request.body);
    return true;
  }

  async #callerOf({ params, method, headers }: FastifyRequest): Promise<Caller> {
    const { tenant, resource: slug } = params as { tenant: string; resource?: string };
    const resource = await this.resources.find(tenant, slug);
    if (resource === undefined) throw notFound();
    const { authorization, dpop: proof } = headers as Record<string, string | undefined>;
    return this.access.authenticate(resource, { method, authorization, proof });
  }
}

async function decidedInTime<Decision>(deciding: Promise<Decision>): Promise<Decision> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(cannotTell(new Error('Access could not be decided in time.'))), DECIDED_WITHIN_MS);
  });
  return Promise.race([deciding, late]).finally(() => clearTimeout(timer));
}

/** A request without a body has nothing to declare: whoever only probes is to be told that a token is needed. */
function checkContentType({ method, headers }: FastifyRequest): void {
  const declared = headers['content-type'];
  if (method !== 'POST' || declared === undefined) return;
  if (!/^application\/json *(?:;|$)/i.test(declared)) throw wrongContentType();
}
