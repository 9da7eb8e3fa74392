import { z } from 'zod';
import { cutEventTypes } from './cut-event-types.ts';
import { suspensionEventTypes } from './suspension-event-types.ts';

/** A type of the public catalogue. It is never renamed; data only gains fields. */
export interface PublicEventType {
  readonly type: string;
  /** The types of the ledger's events that it tells of. */
  readonly of: readonly string[];
  readonly says: string;
  /** What `data` holds beside `tenant`, `epoch` and `seq`. */
  readonly data: z.ZodObject;
  /** The field that is the id of the event's stream, where the payload does not repeat it. */
  readonly streamId?: string;
}

const because = z.string();
const scopes = z.array(z.string());
/** Of a link. A client that acts for itself has no person. */
const link = { grantId: z.uuid(), userId: z.uuid().optional(), clientId: z.string(), resourceId: z.uuid() };
/** How a refresh token came again: counts and seconds, which an admin has to judge by. */
const evidence = z.record(z.string(), z.union([z.string(), z.number()])).optional();
const client = z.object({ clientId: z.string() });
const point = z.object({ pointId: z.uuid() });
const webhook = z.object({ webhookId: z.uuid() });
const signalReceiver = z.object({ receiverId: z.uuid() });

/**
 * The public event catalogue: what anyone outside may be told of, and all of what they are told. Fields are ids and facts
 * of the tenant. A new ledger event is told of by an entry here.
 */
export const publicEventTypes: readonly PublicEventType[] = [
  {
    type: 'grant.created',
    of: ['GrantCreated', 'ClientGrantCreated'],
    says: 'A client may act for a person, or for itself, at a resource.',
    data: z.object({ ...link, scopes }),
  },
  {
    type: 'grant.widened',
    of: ['GrantWidened'],
    says: 'The person allowed an existing link more scopes.',
    data: z.object({ grantId: z.uuid(), scopes, added: scopes }),
    streamId: 'grantId',
  },
  {
    type: 'grant.renewed',
    of: ['GrantRenewed'],
    says: 'The person consented again to what the link allows.',
    data: z.object({ grantId: z.uuid() }),
    streamId: 'grantId',
  },
  {
    type: 'grant.revoked',
    of: ['GrantRevoked'],
    says: 'A link was ended with all its tokens.',
    data: z.object({ ...link, because, evidence }),
  },
  {
    type: 'family.revoked',
    of: ['FamilyRevoked'],
    says: 'One installation’s chain of tokens was ended.',
    data: z.object({ ...link, familyId: z.uuid(), because, evidence }),
  },
  {
    type: 'token.revoked',
    of: ['TokenRevoked'],
    says: 'One access token was ended.',
    data: z.object({ ...link, familyId: z.uuid(), tokenId: z.string(), because }),
  },
  {
    type: 'user.created',
    of: ['UserCreated'],
    says: 'A person of the tenant became known.',
    data: z.object({ userId: z.uuid(), sub: z.string(), role: z.string() }),
  },
  {
    type: 'user.revoked',
    of: ['UserAccessRevoked'],
    says: 'Every link and session of a person was ended.',
    data: z.object({ userId: z.uuid(), because }),
  },
  {
    type: 'client.admitted',
    of: ['ClientAdmitted'],
    says: 'A client became known: someone consented to it, or an admin admitted it.',
    data: z.object({ clientId: z.string(), kind: z.string(), metadataDigest: z.string(), by: z.string() }),
  },
  {
    type: 'client.approved',
    of: ['ClientApproved'],
    says: 'An admin approved a client that was known by a consent.',
    data: client,
  },
  {
    type: 'client.changed',
    of: ['ClientChanged'],
    says: 'Another version of a client’s metadata holds.',
    data: z.object({ clientId: z.string(), metadataDigest: z.string(), by: z.string() }),
  },
  {
    type: 'client.secret_rotated',
    of: ['ClientSecretRotated'],
    says: 'A client was given another secret.',
    data: z.object({ clientId: z.string(), overlapSeconds: z.int() }),
  },
  {
    type: 'client.held',
    of: ['ClientHeld'],
    says: 'A rule blocks the client: its links are held.',
    data: z.object({ clientId: z.string(), subject: z.string() }),
  },
  {
    type: 'client.revoked',
    of: ['ClientAccessRevoked'],
    says: 'Every link of a client was ended.',
    data: z.object({ clientId: z.string(), because }),
  },
  {
    type: 'client.removed',
    of: ['ClientRemoved'],
    says: 'The tenant does not know the client any more.',
    data: z.object({ clientId: z.string(), by: z.string() }),
  },
  {
    type: 'client_rule.set',
    of: ['ClientRuleSet'],
    says: 'Clients that match are allowed or blocked.',
    data: z.object({ subject: z.string(), effect: z.string(), scopes: scopes.nullable() }),
  },
  {
    type: 'client_rule.removed',
    of: ['ClientRuleRemoved'],
    says: 'A rule about clients does not hold any more.',
    data: z.object({ subject: z.string() }),
  },
  {
    type: 'admin_consent.given',
    of: ['AdminConsentGiven'],
    says: 'An admin consented for everyone.',
    data: z.object({
      consentId: z.uuid(),
      clientId: z.string(),
      resourceId: z.uuid(),
      metadataDigest: z.string(),
      scopes,
    }),
  },
  {
    type: 'admin_consent.withdrawn',
    of: ['AdminConsentWithdrawn'],
    says: 'An admin’s consent for everyone was withdrawn.',
    data: z.object({ consentId: z.uuid(), clientId: z.string(), resourceId: z.uuid() }),
  },
  {
    type: 'resource.added',
    of: ['ResourceAdded'],
    says: 'A protected MCP server was added.',
    data: z.object({ resourceId: z.uuid(), slug: z.string(), url: z.string() }),
  },
  {
    type: 'resource.revoked',
    of: ['ResourceAccessRevoked'],
    says: 'Every link to a resource was ended.',
    data: z.object({ resourceId: z.uuid(), because }),
  },
  {
    type: 'pair.revoked',
    of: ['PairAccessRevoked'],
    says: 'Every link between a person, a client and a resource, two or all of them, was ended.',
    data: z.object({
      userId: z.uuid().optional(),
      clientId: z.string().optional(),
      resourceId: z.uuid().optional(),
      because,
    }),
  },
  {
    type: 'tenant.revoked',
    of: ['TenantAccessRevoked'],
    says: 'Every link and session of the tenant was ended.',
    data: z.object({ because }),
  },
  {
    type: 'ledger.epoch_begun',
    of: ['EpochBegun'],
    says: 'The database was restored: every credential from before is dead, and numbers after `before` may have been told as other events.',
    data: z.object({ before: z.object({ epoch: z.int(), seq: z.int() }) }),
  },
  ...suspensionEventTypes,
  ...cutEventTypes,
  {
    type: 'policy.changed',
    of: ['PolicySet', 'ClientTokenPolicySet'],
    says: 'The tenant’s policy, or what one client’s tokens have instead, was set.',
    data: z.object({ clientId: z.string().optional() }),
  },
  {
    type: 'signing_key.created',
    of: ['SigningKeyCreated'],
    says: 'A key was made to sign with.',
    data: z.object({ kid: z.string(), alg: z.string(), state: z.string() }),
  },
  {
    type: 'signing_key.activated',
    of: ['SigningKeyActivated'],
    says: 'The issuer signs with a key that was published before.',
    data: z.object({ kid: z.string() }),
  },
  {
    type: 'signing_key.superseded',
    of: ['SigningKeySuperseded'],
    says: 'Another key signs from now on; what this one has signed stays valid until it expires.',
    data: z.object({ kid: z.string(), by: z.string() }),
  },
  {
    type: 'signing_key.retired',
    of: ['SigningKeyRetired'],
    says: 'A key is published no more.',
    data: z.object({ kid: z.string() }),
  },
  {
    type: 'signing_key.revoked',
    of: ['SigningKeyRevoked'],
    says: 'Nothing that a key has signed is accepted any more.',
    data: z.object({ kid: z.string(), because }),
  },
  {
    type: 'admin_key.created',
    of: ['AdminKeyCreated'],
    says: 'A key to the admin API was made.',
    data: z.object({ keyId: z.uuid() }),
  },
  {
    type: 'initial_access_token.issued',
    of: ['InitialAccessTokenIssued'],
    says: 'A token was made with which clients may register.',
    data: z.object({ tokenId: z.uuid() }),
  },
  {
    type: 'initial_access_token.revoked',
    of: ['InitialAccessTokenRevoked'],
    says: 'An initial access token was ended.',
    data: z.object({ tokenId: z.uuid() }),
  },
  {
    type: 'enforcement_point.registered',
    of: ['EnforcementPointRegistered'],
    says: 'A process that checks access tokens was given a credential.',
    data: z.object({ pointId: z.uuid(), resourceId: z.uuid() }),
  },
  {
    type: 'enforcement_point.credential_rotated',
    of: ['EnforcementPointCredentialRotated'],
    says: 'An enforcement point was given a new credential.',
    data: point,
  },
  {
    type: 'enforcement_point.retired',
    of: ['EnforcementPointRetired'],
    says: 'The credentials of an enforcement point ended.',
    data: point,
  },
  {
    type: 'webhook.created',
    of: ['WebhookCreated'],
    says: 'A URL is told of events.',
    data: webhook,
  },
  {
    type: 'webhook.changed',
    of: ['WebhookChanged', 'WebhookSecretRotated'],
    says: 'A webhook has other settings or another secret.',
    data: webhook,
  },
  {
    type: 'webhook.disabled',
    of: ['WebhookDisabled'],
    says: 'A webhook is told nothing until an admin enables it.',
    data: z.object({ webhookId: z.uuid(), because }),
  },
  {
    type: 'webhook.enabled',
    of: ['WebhookEnabled'],
    says: 'A webhook is told of events again.',
    data: webhook,
  },
  {
    type: 'webhook.removed',
    of: ['WebhookRemoved'],
    says: 'A webhook was taken away.',
    data: webhook,
  },
  {
    type: 'signal_receiver.registered',
    of: ['SignalReceiverRegistered'],
    says: 'Someone may receive security events (Shared Signals).',
    data: signalReceiver,
  },
  {
    type: 'signal_receiver.credential_rotated',
    of: ['SignalReceiverCredentialRotated'],
    says: 'A receiver of security events was given a new credential.',
    data: signalReceiver,
  },
  {
    type: 'signal_receiver.removed',
    of: ['SignalReceiverRemoved'],
    says: 'A receiver of security events gets none any more.',
    data: signalReceiver,
  },
];
