import { adminConsentGiven, adminConsentWithdrawn } from './admin-consent/admin-consent.events.ts';
import { adminKeyCreated, adminKeyRevoked } from './admin-key/admin-key.events.ts';
import { clientRuleRemoved, clientRuleSet } from './client/client-rule.events.ts';
import {
  clientAccessRevoked,
  clientAdmitted,
  clientApproved,
  clientChanged,
  clientHeld,
  clientRemoved,
  clientResumed,
  clientSecretRotated,
  clientSuspended,
} from './client/client.events.ts';
import { initialAccessTokenIssued, initialAccessTokenRevoked } from './client/initial-access-token.events.ts';
import { cutApproved, cutFinished, cutRefused, cutRequested, cutUndone, cutUndoRequested } from './cut/cut.events.ts';
import {
  enforcementPointCredentialRotated,
  enforcementPointRegistered,
  enforcementPointRetired,
} from './enforcement-point/enforcement-point.events.ts';
import type { EventDefinition } from './event.ts';
import {
  clientGrantCreated,
  familyRevoked,
  grantCreated,
  grantRenewed,
  grantResumed,
  grantRevoked,
  grantSuspended,
  grantWidened,
  tokenRevoked,
} from './grant/grant.events.ts';
import { clientTokenPolicySet, policySet } from './policy/policy.events.ts';
import {
  resourceAccessRevoked,
  resourceAdded,
  resourceFailurePolicySet,
  resourceResumed,
  resourceSuspended,
} from './resource/resource.events.ts';
import { pairAccessRevoked } from './revocation/pair.events.ts';
import {
  signalReceiverCredentialRotated,
  signalReceiverRegistered,
  signalReceiverRemoved,
} from './signal-receiver/signal-receiver.events.ts';
import { signingKeyCreated, signingKeyRevoked } from './signing-key/signing-key.events.ts';
import {
  issuerEstablished,
  epochBegun,
  ledgerDiverged,
  tenantAccessRevoked,
  tenantAdmitted,
  tenantOnboarded,
  tenantResumed,
  tenantSuspended,
} from './tenant/tenant.events.ts';
import {
  identityLinked,
  userAccessRevoked,
  userCreated,
  userEmailVerificationSet,
  userSignedOut,
  userResumed,
  userSuspended,
} from './user/user.events.ts';
import {
  webhookChanged,
  webhookCreated,
  webhookDisabled,
  webhookEnabled,
  webhookRemoved,
  webhookSecretRotated,
} from './webhook/webhook.events.ts';

/** Every event type that a ledger may hold, in its newest version. */
export const eventCatalogue: readonly EventDefinition[] = [
  tenantOnboarded,
  tenantAdmitted,
  ledgerDiverged,
  epochBegun,
  tenantAccessRevoked,
  tenantSuspended,
  tenantResumed,
  issuerEstablished,
  resourceAdded,
  resourceFailurePolicySet,
  resourceAccessRevoked,
  resourceSuspended,
  resourceResumed,
  policySet,
  clientTokenPolicySet,
  signingKeyCreated,
  signingKeyRevoked,
  userCreated,
  userEmailVerificationSet,
  userSignedOut,
  identityLinked,
  userAccessRevoked,
  userSuspended,
  userResumed,
  clientAdmitted,
  clientApproved,
  clientChanged,
  clientSecretRotated,
  clientHeld,
  clientAccessRevoked,
  clientSuspended,
  clientResumed,
  clientRemoved,
  clientRuleSet,
  clientRuleRemoved,
  grantCreated,
  clientGrantCreated,
  grantWidened,
  grantRenewed,
  grantRevoked,
  grantSuspended,
  grantResumed,
  familyRevoked,
  tokenRevoked,
  pairAccessRevoked,
  cutRequested,
  cutApproved,
  cutRefused,
  cutFinished,
  cutUndoRequested,
  cutUndone,
  adminKeyCreated,
  adminKeyRevoked,
  adminConsentGiven,
  adminConsentWithdrawn,
  initialAccessTokenIssued,
  initialAccessTokenRevoked,
  enforcementPointRegistered,
  enforcementPointCredentialRotated,
  enforcementPointRetired,
  webhookCreated,
  webhookChanged,
  webhookSecretRotated,
  webhookDisabled,
  webhookEnabled,
  webhookRemoved,
  signalReceiverRegistered,
  signalReceiverCredentialRotated,
  signalReceiverRemoved,
] as readonly EventDefinition[];
