import { Injectable } from '@nestjs/common';
import { Database } from '@grantkeeper/event-store';
import { Clock, type TenantId } from '@grantkeeper/kernel';
import { redirectHost } from '@grantkeeper/oauth';
import { newOpaqueSecret } from '@grantkeeper/tokens';
import type { Asked } from './authorizing.ts';
import { PageError } from './page-error.ts';

/** Authorization codes: 256 random bits, kept as a hash, bound to client, grant, redirect URI and challenge (AS-22). */
@Injectable()
export class Codes {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** A new code and its row; `bornSeq` is the position at which it is born, or a placeholder for it. */
  create(
    asked: Asked,
    grantId: string,
    bornSeq: number,
    scopes: readonly string[] = asked.access.scopes,
  ): { code: string; row: object } {
    const { secret, hash } = newOpaqueSecret('gkc_');
    const row = {
      code_hash: `\\x${hash.toString('hex')}`,
      client_id: asked.redirect.clientId,
      grant_id: grantId,
      scopes,
      redirect_uri: asked.redirect.redirectUri,
      code_challenge: asked.access.codeChallenge,
      nonce: asked.access.nonce ?? null,
      dpop_jkt: asked.access.dpopKey ?? null,
      auth_time: asked.context.session?.authTime,
      amr: asked.context.session?.amr,
      born_epoch: asked.context.position.epoch,
      born_seq: bornSeq,
      expires_at: new Date(
        this.clock.now().getTime() + asked.context.settings.authorizationCodeSeconds * 1000,
      ).toISOString(),
      redeemed_at: null,
      family_id: null,
    };
    return { code: secret, row };
  }

  /** A code under a link that already allows what is asked for. */
  async issueUnderGrant(tenantId: TenantId, asked: Asked, grantId: string): Promise<string> {
    const { code, row } = this.create(asked, grantId, asked.context.position.seq);
    const input = {
      ...row,
      tenant_id: tenantId,
      answers: asked.pushed?.requestHash ?? null,
      ...(asked.changeTaken && {
        taken: {
          metadataDigest: asked.redirect.metadataDigest,
          redirectHost: redirectHost(asked.redirect.redirectUri),
        },
      }),
    };
    const lock = asked.pushed?.requestHash;
    const issued = await this.database.callTogether<boolean>('issue_codes', tenantId, input, lock);
    if (!issued) throw new PageError('session_expired', 'request_uri is unknown, expired or used');
    return code;
  }
}
