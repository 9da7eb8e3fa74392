import { type CanActivate, createParamDecorator, type ExecutionContext, Injectable } from '@nestjs/common';
import { TenantDirectory } from '@grantkeeper/event-store';
import { DomainError, type TenantId } from '@grantkeeper/kernel';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type AdminCaller, AdminKeys } from './admin-keys.ts';
import { CredentialGuesses } from './credential-guesses.ts';

interface Admitted {
  readonly caller: AdminCaller;
  readonly tenantId?: TenantId;
}

const admitted = new WeakMap<FastifyRequest, Admitted>();

/**
 * Lets in who holds an admin key, and at a tenant only its own admins and the operators. A tenant that the caller may
 * not see is answered like one that does not exist. `Grantkeeper-Acting-For` names the person for whom the holder acts; it
 * changes what is recorded, and nothing of what is allowed.
 */
@Injectable()
export class AdminGuard implements CanActivate {
  constructor(
    private readonly keys: AdminKeys,
    private readonly guesses: CredentialGuesses,
    private readonly directory: TenantDirectory,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    void context.switchToHttp().getResponse<FastifyReply>().header('cache-control', 'no-store');
    const key = this.keys.read(request.headers.authorization);
    const holder = await this.guesses.bounded(key, request.ip, () => this.keys.authenticate(key));
    const caller: AdminCaller = { ...holder, origin: { address: request.ip, subject: 'tenant' } };
    const named = (request.params as { tenant?: string }).tenant;
    if (named === undefined) {
      if (!caller.operator)
        throw new DomainError('admin.operators_only', 'Only an operator’s key may do this.', 'forbidden');
      admitted.set(request, { caller });
      return true;
    }
    const tenantId = await this.directory.findBySlugOrId(named);
    if (!tenantId || (!caller.operator && caller.tenantId !== tenantId)) {
      throw new DomainError('tenant.not_found', 'There is no such tenant.', 'not_found', 'tenant');
    }
    const person = request.headers['grantkeeper-acting-for'];
    admitted.set(request, {
      caller: person === undefined ? caller : await this.keys.actingFor(caller, tenantId, String(person)),
      tenantId,
    });
    return true;
  }
}

/** Who calls. */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext): AdminCaller => {
  return admitted.get(context.switchToHttp().getRequest<FastifyRequest>())!.caller;
});

/** The tenant that the URL names and the caller may act on. */
export const AdmittedTenant = createParamDecorator((_: unknown, context: ExecutionContext): TenantId => {
  const { tenantId } = admitted.get(context.switchToHttp().getRequest<FastifyRequest>())!;
  if (!tenantId) throw new Error('The route names no tenant.');
  return tenantId;
});
