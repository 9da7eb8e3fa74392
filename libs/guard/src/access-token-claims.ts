import { TokenRefused } from './token-refused.ts';

/** What a verified access token says (RFC 9068 §2.2, and where in the ledger its issuer stood). */
export interface AccessTokenClaims {
  readonly issuer: string;
  /** The one resource that the token is for. */
  readonly audience: string;
  readonly subject: string;
  readonly clientId: string;
  readonly scopes: readonly string[];
  readonly tokenId: string;
  readonly tenant: string;
  readonly grantId: string;
  readonly familyId: string;
  /** The ledger position at which the token was issued: a revocation above it has killed the token. */
  readonly epoch: number;
  readonly seq: number;
  /** Seconds since 1970. */
  readonly issuedAt: number;
  readonly expiresAt: number;
  readonly notBefore: number | undefined;
  readonly authTime: number | undefined;
  /** The class of the person's login (RFC 9470 §6.2). */
  readonly acr?: string | undefined;
  /** The name of the key that signed the token. */
  readonly keyId: string;
  /** RFC 7638 thumbprint of the key that the token is bound to (`cnf.jkt`, RFC 9449 §6.1); undefined for a bearer token. */
  readonly keyThumbprint: string | undefined;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const THUMBPRINT = /^[A-Za-z0-9_-]{43}$/;

/** The claims in the payload of a token that the key `keyId` has signed. Throws {@link TokenRefused} if one is missing or not of its type. */
export function readClaims(payload: Readonly<Record<string, unknown>>, keyId: string): AccessTokenClaims {
  // `aud` may be a list (RFC 7519 §4.1.3), but then the token would work at several resources: ours never do.
  if (Array.isArray(payload['aud'])) throw new TokenRefused('wrong_audience');
  return {
    issuer: text(payload['iss']),
    audience: text(payload['aud']),
    subject: text(payload['sub']),
    clientId: text(payload['client_id']),
    scopes: scopes(payload['scope']),
    tokenId: text(payload['jti']),
    tenant: uuid(payload['tenant']),
    grantId: uuid(payload['grant_id']),
    familyId: uuid(payload['family_id']),
    epoch: count(payload['epoch']),
    seq: count(payload['seq']),
    issuedAt: time(payload['iat']),
    expiresAt: time(payload['exp']),
    notBefore: optional(payload['nbf'], time),
    authTime: optional(payload['auth_time'], time),
    acr: optional(payload['acr'], text),
    keyId,
    keyThumbprint: optional(payload['cnf'], keyThumbprint),
  };
}

function text(value: unknown): string {
  if (typeof value !== 'string' || value === '') throw new TokenRefused('malformed');
  return value;
}

function uuid(value: unknown): string {
  if (typeof value !== 'string' || !UUID.test(value)) throw new TokenRefused('malformed');
  return value;
}

function count(value: unknown): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw new TokenRefused('malformed');
  return value as number;
}

function time(value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new TokenRefused('malformed');
  return value;
}

function scopes(value: unknown): readonly string[] {
  if (typeof value !== 'string') throw new TokenRefused('malformed');
  return value.split(' ').filter((scope) => scope !== '');
}

function optional<T>(value: unknown, read: (value: unknown) => T): T | undefined {
  return value === undefined ? undefined : read(value);
}

/** A token that is bound in a way that is not understood here must not pass for one that is not bound (RFC 7800 §3.1). */
function keyThumbprint(value: unknown): string {
  const { jkt, ...others } = (typeof value === 'object' && value !== null ? value : {}) as { jkt?: unknown };
  if (typeof jkt !== 'string' || !THUMBPRINT.test(jkt) || Object.keys(others).length > 0) {
    throw new TokenRefused('malformed');
  }
  return jkt;
}
