const CAEP = 'https://schemas.openid.net/secevent/caep/event-type';
const RISC = 'https://schemas.openid.net/secevent/risc/event-type';
const SSF = 'https://schemas.openid.net/secevent/ssf/event-type';

/** Every link that the subject matches was ended: our own, as no standard has a word for grants. */
export const GRANT_REVOKED = 'urn:grantkeeper:secevent:event-type:grant-revoked';
export const SESSION_REVOKED = `${CAEP}/session-revoked`;
export const TOKEN_CLAIMS_CHANGE = `${CAEP}/token-claims-change`;
export const CREDENTIAL_CHANGE = `${CAEP}/credential-change`;
export const ACCOUNT_DISABLED = `${RISC}/account-disabled`;
export const ACCOUNT_ENABLED = `${RISC}/account-enabled`;
/** About streams themselves: sent whether they were asked for or not (SSF §8.1.4, §8.1.5). */
export const VERIFICATION = `${SSF}/verification`;
export const STREAM_UPDATED = `${SSF}/stream-updated`;

/** What streams may ask for. */
export const SIGNAL_EVENT_TYPES: readonly string[] = [
  SESSION_REVOKED,
  TOKEN_CLAIMS_CHANGE,
  CREDENTIAL_CHANGE,
  ACCOUNT_DISABLED,
  ACCOUNT_ENABLED,
  GRANT_REVOKED,
];

/** What a stream delivers: what it has asked for, of what there is; everything when it has not said. */
export function deliveredOf(requested: readonly string[] | null): string[] {
  return SIGNAL_EVENT_TYPES.filter((type) => requested === null || requested.includes(type));
}
