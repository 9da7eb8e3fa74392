import { Database } from '@grantkeeper/event-store';
import { StandingCheck } from '@grantkeeper/guard';
import type { AccessTokenClaims, Standing } from '@grantkeeper/guard';
import { tenantId } from '@grantkeeper/kernel';
import { Injectable } from '@nestjs/common';

/** Asks the ledger on every call, so that a revocation is obeyed by the first call after its commit. */
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
    const death = await this.database.call<string | null>('access_standing', tenantId(tenant), {
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
