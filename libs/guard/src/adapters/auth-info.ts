import type { Access } from '../guard.ts';

/** What handlers of an MCP server find of their caller: the `AuthInfo` of both MCP TypeScript SDKs (1.x and 2.x). */
export interface AuthInfo {
  token: string;
  clientId: string;
  scopes: string[];
  /** Seconds since 1970. */
  expiresAt: number;
  resource: URL;
  resourceMetadataUrl: string;
  extra: {
    /** The person, as the tenant knows them: `sub` of the token. The client itself when it acts for nobody. */
    subject: string;
    tenant: string;
    grantId: string;
    issuer: string;
    tokenId: string;
  };
}

const accesses = new WeakMap<AuthInfo, Access>();

/** What {@link authInfo} has been made of; undefined for one that was made elsewhere. */
export function accessOf(auth: AuthInfo): Access | undefined {
  return accesses.get(auth);
}

/** The caller in the words of the MCP SDKs. */
export function authInfo(access: Access): AuthInfo {
  const { claims, token, resourceMetadataUrl } = access;
  const auth: AuthInfo = {
    token,
    clientId: claims.clientId,
    scopes: [...claims.scopes],
    expiresAt: claims.expiresAt,
    resource: new URL(claims.audience),
    resourceMetadataUrl,
    extra: {
      subject: claims.subject,
      tenant: claims.tenant,
      grantId: claims.grantId,
      issuer: claims.issuer,
      tokenId: claims.tokenId,
    },
  };
  accesses.set(auth, access);
  return auth;
}
