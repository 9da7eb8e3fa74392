import { VerificationKeys } from '@grantkeeper/keys';
import type { TenantId } from '@grantkeeper/kernel';
import { Injectable } from '@nestjs/common';
import { compactVerify, decodeProtectedHeader } from 'jose';
import { Issuers } from '../discovery/issuer.ts';

/** Whom an ID token is about, and whom it was issued to. */
export interface IdTokenHint {
  readonly sub: string;
  readonly clientId: string;
}

/** Reads `id_token_hint` (OpenID Connect Core §3.1.2.1, RP-Initiated Logout §2). */
@Injectable()
export class IdTokenHints {
  constructor(
    private readonly issuers: Issuers,
    private readonly keys: VerificationKeys,
  ) {}

  /** The hint in an ID token of this issuer, however long ago it expired; undefined for anything else. */
  async read(tenantId: TenantId, idToken: string): Promise<IdTokenHint | undefined> {
    try {
      const { kid, alg, typ } = decodeProtectedHeader(idToken);
      // An access token of the same issuer and key is no ID token.
      if (typ !== 'JWT' || kid === undefined || alg === undefined) return undefined;
      const key = await this.keys.find(tenantId, { kid, alg });
      if (!key) return undefined;
      const { payload } = await compactVerify(idToken, key, { algorithms: [alg] });
      const { iss, aud, sub } = JSON.parse(new TextDecoder().decode(payload)) as Record<string, unknown>;
      const ours = iss === (await this.issuers.urlOf(tenantId)) && typeof aud === 'string' && typeof sub === 'string';
      return ours ? { sub, clientId: aud } : undefined;
    } catch (error) {
      if (isJunk(error)) return undefined;
      throw error;
    }
  }
}

/** What jose and the parser say of a token that is none; the database says something else. */
function isJunk(error: unknown): boolean {
  return (
    error instanceof SyntaxError ||
    error instanceof TypeError ||
    (error as { code?: string }).code?.startsWith('ERR_J') === true
  );
}
