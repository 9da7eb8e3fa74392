import { randomBytes } from 'node:crypto';
import { clientAdmitted, grantCreated, resourceAdded } from '@grantkeeper/domain';
import type { TenantId } from '@grantkeeper/kernel';
import { hashSecret, newOpaqueSecret, s256 } from '@grantkeeper/tokens';
import { v7 as uuidv7 } from 'uuid';
import { actor, type TestLedger } from './ledger.ts';

/** A person's link to a resource, made without the pages: for races that pages would only slow down. */
export interface TestLink {
  readonly tenantId: TenantId;
  readonly userId: string;
  readonly clientId: string;
  readonly resourceId: string;
  readonly grantId: string;
  readonly scopes: readonly string[];
}

const metadata = {
  redirect_uris: ['https://client.example/cb'],
  grant_types: ['authorization_code', 'refresh_token'],
  token_endpoint_auth_method: 'none',
};

export async function makeLink(ledger: TestLedger, tenantId: TenantId): Promise<TestLink> {
  const person = await ledger.person(tenantId);
  const [clientId, resourceId, grantId] = [`gkd_${uuidv7()}`, uuidv7(), uuidv7()];
  const scopes = ['boards:read'];
  const shown = { clientName: 'Test', nameVerified: true, redirectHost: 'client.example', metadataDigest: 'd', scopes };
  await ledger.store.append({
    tenantId,
    actor,
    events: [
      ...person.events,
      resourceAdded.on(resourceId, {
        resourceId,
        owner: 'tenant',
        kind: 'hosted',
        slug: resourceId,
        url: `https://mcp.example/${resourceId}/mcp`,
        displayName: 'Boards',
        signingAlg: 'ES256',
        scopes: [{ name: 'boards:read', description: 'Read', risky: false, default: true }],
        isDefault: false,
      }),
      clientAdmitted.on(clientId, {
        clientId,
        kind: 'dynamic',
        metadata,
        metadataDigest: 'd',
        subjects: [`client:${clientId}`, 'host:client.example'],
        by: 'consent',
      }),
      grantCreated.on(grantId, { grantId, userId: person.userId, clientId, resourceId, scopes, shown }),
    ],
    rows: person.rows,
  });
  return { tenantId, userId: person.userId, clientId, resourceId, grantId, scopes };
}

/** A code of the link, born at `bornSeq`, and what redeems it. */
export async function issueCode(ledger: TestLedger, link: TestLink, bornSeq: number): Promise<object> {
  const { secret, hash } = newOpaqueSecret('gkc_');
  const verifier = randomBytes(32).toString('base64url');
  await ledger.database.callAlone('issue_codes', link.tenantId, {
    tenant_id: link.tenantId,
    code_hash: `\\x${hash.toString('hex')}`,
    client_id: link.clientId,
    grant_id: link.grantId,
    scopes: link.scopes,
    redirect_uri: 'https://client.example/cb',
    code_challenge: s256(verifier),
    auth_time: new Date().toISOString(),
    born_epoch: 1,
    born_seq: bornSeq,
    expires_at: new Date(Date.now() + 60_000).toISOString(),
    redeemed_at: null,
    family_id: null,
  });
  return {
    codeHash: hashSecret(secret).toString('hex'),
    clientId: link.clientId,
    authMethod: 'none',
    secretHash: null,
    redirectUri: null,
    resource: null,
    challenge: s256(verifier),
    familyId: uuidv7(),
    salt: randomBytes(32).toString('hex'),
    fingerprint: 'f',
  };
}
