import { Database } from '@grantkeeper/event-store';
import { StandingCheck } from '@grantkeeper/guard';
import type { AccessTokenClaims, Standing } from '@grantkeeper/guard';
import { tenantId } from '@grantkeeper/kernel';
import { Injectable } from '@nestjs/common';

/** Asks the ledger about one token, of which it knows with the commit of a revocation. Rejects when it does not answer soon. */
@Injectable()
export class LedgerStandingCheck extends StandingCheck {
  constructor(private readonly database: Database) {
    super();
  }

  override async standing({
    tenant,
    grantId,
    familyId,
    tokenId,
    keyId: kid,
    epoch,
    seq,
  }: AccessTokenClaims): Promise<Standing> {
    const death = await this.database.callPromptly<string | null>('access_standing', tenantId(tenant), {
      grantId,
      familyId,
      tokenId,
      kid,
      epoch,
      seq,
    });
    switch (death) {
      case null:
        return 'active';
      case 'revoked':
      case 'suspended':
        return death;
      case 'blocked':
        return 'suspended';
      default:
        return 'unknown';
    }
  }
}
