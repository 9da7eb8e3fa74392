import { z } from 'zod';
import { defineEvent } from '../event.ts';
import { scopeName } from '../resource/resource.events.ts';

const TEN_YEARS = 10 * 365 * 86_400;

/** How long tokens live and what rotation tolerates. All lifetimes in seconds. */
const tokenSettings = {
  accessTokenSeconds: z.int().min(60).max(3600),
  refreshIdleSeconds: z.int().min(60).max(TEN_YEARS),
  refreshAbsoluteSeconds: z.int().min(60).max(TEN_YEARS),
  /** How long the immediate predecessor of a refresh token may be repeated (a lost answer). */
  refreshGraceSeconds: z.int().min(0).max(300),
  /** How often it may be repeated. */
  refreshReplaysMax: z.int().min(0).max(100),
  /**
   * Who may repeat it: whoever is the client, or the client only in the same software (authentication method and
   * User-Agent). Hosts refresh from many machines and in several versions, so the second one logs people out.
   */
  refreshReplayBy: z.enum(['same_client', 'same_software']),
  /** What a refresh token that comes again outside its grace ends (AS-31): its installation, or the whole link. */
  refreshReuseEnds: z.enum(['family', 'grant']),
};

/** What a tenant allows, and for how long. */
export const policySettings = z.object({
  /**
   * Who may register a client (RFC 7591): nobody, anyone, clients whose redirect hosts are all in `registrationHosts`, or
   * who holds an initial access token.
   */
  registration: z.enum(['off', 'open', 'host_list', 'initial_access_token']),
  /** Redirect hosts as `redirectHost` of libs/oauth writes them, compared exactly; read in the mode `host_list` only. */
  registrationHosts: z.array(z.string().min(1).max(300)).max(200),
  /** After how many days a registration that nobody has consented to is forgotten. One that was used never is (DCR-08). */
  registrationUnusedDays: z.int().min(1).max(3650),
  /**
   * Which clients people may link: any (`open`); those that are known already, others after an admin's approval
   * (`review`); only those that an admin has allowed (`allow_list`).
   */
  clientAdmission: z.enum(['open', 'review', 'allow_list']),
  /** The most that people may allow any client; absent for whatever the resource offers. */
  scopeCeiling: z.array(scopeName).max(100).optional(),
  /** Whether clients may be known by the URL of a metadata document that they publish (CIMD-01). */
  clientDocuments: z.enum(['off', 'open']),
  /**
   * What a change of such a document means for links that exist (CIMD-25): nothing, that people consent again, or that
   * nobody links it until an admin has admitted the new version.
   */
  clientChanges: z.enum(['accept', 'consent', 'quarantine']),
  /**
   * Where such clients may send people (CIMD-12): wherever their document says, or there only within the origin that it
   * is published at. Loopback addresses are of the person's own machine, whatever the origin.
   */
  clientDocumentRedirects: z.enum(['any', 'same_origin']),
  authorizationCodeSeconds: z.int().min(10).max(600),
  ...tokenSettings,
  sessionSeconds: z
    .int()
    .min(60)
    .max(30 * 86_400),
  /**
   * After how many days people are asked again: then a link is not refreshed until they have consented anew. Absent when
   * a consent holds until it is revoked.
   */
  consentMaxAgeDays: z.int().min(1).max(3650).optional(),
  /**
   * After how many days without use a link ends by itself: not every host says goodbye (CLD-10). Absent when links that
   * nobody uses stay.
   */
  idleLinkDays: z.int().min(1).max(3650).optional(),
  /** A cut of more links than this takes the approval of a second admin; absent when none does. */
  cutApprovalAbove: z.int().min(0).max(1_000_000).optional(),
  /** What people see when an admin has consented for everyone: a short notice that they confirm, or nothing. */
  adminConsent: z.enum(['notice', 'silent']),
  /** Whether every client must push its authorization requests (RFC 9126). */
  requirePushedRequests: z.boolean(),
  /** Whether DPoP proofs must contain a nonce of ours (RFC 9449 §8, §9); clients that send no proof are not concerned. */
  dpopNonce: z.enum(['optional', 'required']),
  /** How often a message to a receiver of events is tried before it is put aside among the dead letters. */
  deliveryAttempts: z.int().min(1).max(30),
  /** After how many days without any success a receiver of events is told nothing more until an admin says so. */
  deliveryGiveUpDays: z.int().min(1).max(60),
});
export type PolicySettings = z.infer<typeof policySettings>;

/**
 * Secure defaults: access tokens of 10 minutes (Claude refreshes up to 5 minutes early), refresh tokens that end after
 * 30 days without use and 90 days in all, links that end after 90 days without use, and a grace of 120 s since real clients repeat a refresh up to 76 s later.
 */
export const defaultPolicy: PolicySettings = {
  registration: 'open',
  registrationHosts: [],
  registrationUnusedDays: 90,
  clientAdmission: 'open',
  clientDocuments: 'open',
  clientChanges: 'consent',
  clientDocumentRedirects: 'any',
  accessTokenSeconds: 600,
  authorizationCodeSeconds: 60,
  refreshIdleSeconds: 30 * 86_400,
  refreshAbsoluteSeconds: 90 * 86_400,
  refreshGraceSeconds: 120,
  refreshReplaysMax: 20,
  refreshReplayBy: 'same_client',
  refreshReuseEnds: 'family',
  sessionSeconds: 12 * 3600,
  idleLinkDays: 90,
  cutApprovalAbove: 100,
  adminConsent: 'notice',
  requirePushedRequests: false,
  dpopNonce: 'optional',
  deliveryAttempts: 12,
  deliveryGiveUpDays: 5,
};

export const policySet = defineEvent({
  type: 'PolicySet',
  version: 1,
  streamType: 'policy',
  payload: z.object({ settings: policySettings }),
  privacy: { settings: 'business' },
  wide: true,
  says: 'The tenant’s policy was set.',
});

/** What one client's tokens have instead of the tenant's settings. */
export const clientTokenPolicy = z.object(tokenSettings).partial();
export type ClientTokenPolicy = z.infer<typeof clientTokenPolicy>;

export const clientTokenPolicySet = defineEvent({
  type: 'ClientTokenPolicySet',
  version: 1,
  streamType: 'client-policy',
  payload: z.object({ clientId: z.string(), settings: clientTokenPolicy }),
  privacy: { clientId: 'pseudonym', settings: 'business' },
  wide: true,
  says: 'What the tokens of one client have instead of the tenant’s policy was set; an empty set is none.',
});
