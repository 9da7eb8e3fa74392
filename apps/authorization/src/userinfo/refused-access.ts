import { accessChallenge, type PresentedToken } from '@grantkeeper/guard';
import { OAuthErrorFilter } from '@grantkeeper/http';
import { OAuthError } from '@grantkeeper/kernel';
import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply } from 'fastify';

type Code = 'invalid_token' | 'insufficient_scope' | 'invalid_dpop_proof' | 'use_dpop_nonce';

/** An access token that does not open an endpoint of the issuer; without a code when none was presented. */
export class RefusedAccess extends Error {
  override readonly name = 'RefusedAccess';
  constructor(
    readonly code: Code | undefined,
    readonly description: string,
    readonly scheme: PresentedToken['scheme'] = 'Bearer',
  ) {
    super(`${code ?? 'unauthorized'}: ${description}`);
  }
}

/** Answers refused access tokens with a challenge (RFC 6750 §3, RFC 9449 §7.1), and all else as an OAuth endpoint does. */
@Catch()
export class RefusedAccessFilter implements ExceptionFilter {
  readonly #others = new OAuthErrorFilter();

  catch(error: unknown, host: ArgumentsHost): void {
    const refused = asRefusedAccess(error);
    if (!refused) return this.#others.catch(error, host);
    const { code, description, scheme } = refused;
    const challenge = accessChallenge({ scheme, ...(code !== undefined && { error: code, description }) });
    void host
      .switchToHttp()
      .getResponse<FastifyReply>()
      .status(code === 'insufficient_scope' ? 403 : 401)
      .header('cache-control', 'no-store')
      .header('www-authenticate', challenge)
      .send({ error: code ?? 'unauthorized', error_description: description });
  }
}

function asRefusedAccess(error: unknown): RefusedAccess | undefined {
  if (error instanceof RefusedAccess) return error;
  // What is 400 at a token endpoint is a matter of the credentials here.
  if (!(error instanceof OAuthError)) return undefined;
  if (error.code !== 'invalid_dpop_proof' && error.code !== 'use_dpop_nonce') return undefined;
  return new RefusedAccess(error.code, error.description, 'DPoP');
}
