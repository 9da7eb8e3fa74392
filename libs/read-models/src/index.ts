import type { InlineProjection } from '@grantkeeper/event-store';
import { adminConsents } from './admin-consent.projections.ts';
import { cuts } from './cut.projections.ts';
import { grants } from './grant.projections.ts';
import { clientRules, initialAccessTokens } from './client-rule.projections.ts';
import { clients, identities, resources, users } from './party.projections.ts';
import { pairWatermarks, revocations } from './revocation.projections.ts';
import { suspensions } from './suspension.projections.ts';
import {
  adminKeys,
  clientPolicies,
  issuers,
  policies,
  signingKeys,
  tenants,
  enforcementPoints,
} from './tenant.projections.ts';
import { signalReceivers } from './signal-receiver.projections.ts';
import { webhooks } from './webhook.projections.ts';

/** Every inline projection: what the event store writes with its events, and what a replay is compared with. */
export const inlineProjections: readonly InlineProjection[] = [
  tenants,
  issuers,
  policies,
  clientPolicies,
  signingKeys,
  adminKeys,
  enforcementPoints,
  resources,
  users,
  identities,
  clients,
  clientRules,
  initialAccessTokens,
  grants,
  revocations,
  pairWatermarks,
  suspensions,
  adminConsents,
  webhooks,
  signalReceivers,
  cuts,
];

export { uniqueEffectOf } from './unique-facts.ts';
export * from './async/index.ts';
