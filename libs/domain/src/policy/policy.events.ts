import { z } from 'zod';
import { defineEvent } from '../event.ts';

const TEN_YEARS = 10 * 365 * 86_400;

function isWebhookUrl(value: string): boolean {
  const url = URL.parse(value);
  if (!url || url.username !== '' || url.password !== '') return false;
  return (
    url.protocol === 'https:' ||
    (url.protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname))
  );
}

/** What a tenant allows, and for how long. All lifetimes in seconds. */
export const policySettings = z.object({
  /** Whether unknown clients may register themselves (RFC 7591). */
  registration: z.enum(['off', 'open']),
  accessTokenSeconds: z.int().min(60).max(3600),
  authorizationCodeSeconds: z.int().min(10).max(600),
  refreshIdleSeconds: z.int().min(60).max(TEN_YEARS),
  refreshAbsoluteSeconds: z.int().min(60).max(TEN_YEARS),
  /** How long the immediate predecessor of a refresh token may be repeated (a lost answer). */
  refreshGraceSeconds: z.int().min(0).max(300),
  /** How often it may be repeated. */
  refreshReplaysMax: z.int().min(0).max(100),
  sessionSeconds: z
    .int()
    .min(60)
    .max(30 * 86_400),
  /** Where revocations are reported; absent when nowhere. */
  notificationUrl: z
    .url()
    .refine(
      isWebhookUrl,
      'must be an https URL without user name and password (http only to this machine, in development)',
    )
    .optional(),
});
export type PolicySettings = z.infer<typeof policySettings>;

/**
 * Secure defaults: access tokens of 10 minutes (Claude refreshes up to 5 minutes early), refresh tokens that end after
 * 30 days without use and 90 days in all, and a grace of 120 s since real clients repeat a refresh up to 76 s later.
 */
export const defaultPolicy: PolicySettings = {
  registration: 'open',
  accessTokenSeconds: 600,
  authorizationCodeSeconds: 60,
  refreshIdleSeconds: 30 * 86_400,
  refreshAbsoluteSeconds: 90 * 86_400,
  refreshGraceSeconds: 120,
  refreshReplaysMax: 10,
  sessionSeconds: 12 * 3600,
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
