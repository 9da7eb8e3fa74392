import { Injectable } from '@nestjs/common';
import { OAuthError, type TenantId } from '@grantkeeper/kernel';
import { CLIENT_ASSERTION_TYPE, type Parameters } from '@grantkeeper/oauth';
import { hashSecret } from '@grantkeeper/tokens';
import { ClientAssertions } from './client-assertions.ts';

/** How a client identified itself at a protocol endpoint; whether it is true, the database decides. */
export interface PresentedClient {
  readonly clientId: string;
  readonly authMethod: 'none' | 'private_key_jwt' | 'client_secret_basic' | 'client_secret_post';
  /** Hex; null when the client sent no secret. */
  readonly secretHash: string | null;
  /** An assertion whose signature was right for one version of the client's metadata; whether it is new, the database decides. */
  readonly assertion?: {
    readonly metadataDigest: string;
    /** Hex. */
    readonly jtiHash: string;
    /** Seconds since 1970. */
    readonly forgettableAt: number;
  };
}

/**
 * Reads and checks the client's identity at a protocol endpoint (OAuth 2.1 §2.4): one method per request (AS-40).
 * Rejects with `invalid_request`, `invalid_client`, or `temporarily_unavailable` when the client's keys are out of reach.
 */
@Injectable()
export class ClientAuthentication {
  constructor(private readonly assertions: ClientAssertions) {}

  async authenticate(
    tenantId: TenantId,
    parameters: Parameters,
    authorization: string | undefined,
  ): Promise<PresentedClient> {
    const assertion = parameters.get('client_assertion');
    const type = parameters.get('client_assertion_type');
    if (assertion === undefined && type === undefined) return readSecret(parameters, authorization);
    if (authorization !== undefined || parameters.get('client_secret') !== undefined)
      throw new OAuthError('invalid_request', 'the client authenticated in two ways');
    if (type !== CLIENT_ASSERTION_TYPE)
      throw new OAuthError('invalid_client', `client_assertion_type must be ${CLIENT_ASSERTION_TYPE}`);
    if (assertion === undefined) throw new OAuthError('invalid_client', 'client_assertion is missing');
    const verified = await this.assertions.verify(tenantId, assertion, parameters.get('client_id'));
    return { ...verified, authMethod: 'private_key_jwt', secretHash: null };
  }
}

/** A client with a secret, or without any proof. */
function readSecret(parameters: Parameters, authorization: string | undefined): PresentedClient {
  const { id, secret, basic } = readIdAndSecret(parameters, authorization);
  if (secret === undefined) return { clientId: id, authMethod: 'none', secretHash: null };
  return {
    clientId: id,
    authMethod: basic ? 'client_secret_basic' : 'client_secret_post',
    secretHash: hashSecret(secret).toString('hex'),
  };
}

/**
 * Who a request says that it is from, and the secret that goes with it, in the body or by Basic, where they are
 * form-urlencoded before they are encoded (AS-39). Rejects with `invalid_request` or `invalid_client`.
 */
export function readIdAndSecret(
  parameters: Parameters,
  authorization: string | undefined,
): { readonly id: string; readonly secret: string | undefined; readonly basic: boolean } {
  const basic = authorization === undefined ? undefined : readBasic(authorization);
  const secret = parameters.get('client_secret');
  if (basic && secret !== undefined) throw new OAuthError('invalid_request', 'the client authenticated in two ways');
  const named = parameters.get('client_id');
  if (basic) {
    if (named !== undefined && named !== basic.id)
      throw new OAuthError('invalid_request', 'client_id is not the one that authenticated');
    return { ...basic, basic: true };
  }
  if (named === undefined) throw new OAuthError('invalid_client', 'the client did not identify itself');
  return { id: named, secret, basic: false };
}

function readBasic(authorization: string): { id: string; secret: string } {
  const [scheme, credentials] = authorization.split(' ', 2);
  if (scheme?.toLowerCase() !== 'basic' || !credentials)
    throw new OAuthError('invalid_client', 'the Authorization header is not Basic');
  const text = Buffer.from(credentials, 'base64').toString();
  const colon = text.indexOf(':');
  if (colon < 1) throw new OAuthError('invalid_client', 'the Basic credentials could not be read');
  try {
    const decode = (part: string) => decodeURIComponent(part.replaceAll('+', ' '));
    const credentialsRead = { id: decode(text.slice(0, colon)), secret: decode(text.slice(colon + 1)) };
    if (!credentialsRead.id.includes('\0')) return credentialsRead;
  } catch {
    // Said below.
  }
  throw new OAuthError('invalid_client', 'the Basic credentials are not form-urlencoded text');
}
