import type { AccessTokenClaims, PresentedToken } from '@grantkeeper/guard';
import type { HostedResource } from './hosted-resources.ts';

/** Who calls, on whose behalf and with what permission, after every check of access. Holds no token. */
export interface Caller {
  readonly resource: HostedResource;
  readonly claims: AccessTokenClaims;
  /** How the token came. */
  readonly scheme: PresentedToken['scheme'];
}
