import { describe, expect, it } from '@jest/globals';
import { defaultPolicy } from '@grantkeeper/domain';
import type { ContextGrant } from '../authorize-context.ts';
import { type ConsentQuestion, dueConsent } from './due-consent.ts';

const now = new Date('2026-10-15T12:00:00Z');
const grant = (changes: Partial<ContextGrant> = {}): ContextGrant => ({
  grant_id: 'g',
  resource_id: 'r',
  suspended: false,
  scopes: ['a', 'b'],
  metadata_digest: 'd',
  consented_at: '2026-10-01T12:00:00Z',
  admin_consent_id: null,
  ...changes,
});
const adminConsent = { consentId: 'c', resourceId: 'r', scopes: ['a', 'b'] };
const due = (changes: Partial<ConsentQuestion> = {}) =>
  dueConsent({
    scopes: ['a'],
    grant: undefined,
    changed: false,
    adminConsent: undefined,
    settings: defaultPolicy,
    asksAnew: false,
    loopback: false,
    now,
    ...changes,
  });
const accepting = { ...defaultPolicy, clientChanges: 'accept' as const };
const silent = { ...defaultPolicy, adminConsent: 'silent' as const };
const fortnight = { ...defaultPolicy, consentMaxAgeDays: 14 };

describe('the consent that is due', () => {
  it.each<[string, Partial<ConsentQuestion>, string]>([
    ['without a link', {}, 'page'],
    ['where the link allows it', { grant: grant() }, 'remembered'],
    ['for more than the link allows', { grant: grant(), scopes: ['a', 'c'] }, 'page'],
    ['where the client asks anew', { grant: grant(), asksAnew: true }, 'page'],
    ['at a loopback address', { grant: grant(), loopback: true }, 'page'],
    ['where the client has changed since (CIMD-25)', { grant: grant(), changed: true }, 'page'],
    ['where a change is accepted as it comes', { grant: grant(), changed: true, settings: accepting }, 'remembered'],
    ['on the day on which it expires', { grant: grant(), settings: fortnight }, 'page'],
    ['the day before', { grant: grant({ consented_at: '2026-10-01T12:00:01Z' }), settings: fortnight }, 'remembered'],
    ['under an admin’s consent', { adminConsent }, 'notice'],
    ['under a silent one', { adminConsent, settings: silent }, 'by_admin'],
    ['under a silent one at a loopback address', { adminConsent, settings: silent, loopback: true }, 'notice'],
    ['under a silent one when asked anew', { adminConsent, settings: silent, asksAnew: true }, 'notice'],
    ['under one that does not cover it', { adminConsent, scopes: ['a', 'c'] }, 'page'],
    ['with offline_access, which nobody is asked about', { adminConsent, scopes: ['a', 'offline_access'] }, 'notice'],
    ['where a person’s own link lacks it', { adminConsent, grant: grant({ scopes: ['a'] }), scopes: ['b'] }, 'page'],
    ['for a link that rests on it', { adminConsent, grant: grant({ admin_consent_id: 'c' }) }, 'remembered'],
    ['for a link that rests on one withdrawn', { grant: grant({ admin_consent_id: 'c' }) }, 'page'],
    ['for a link that rests on another', { adminConsent, grant: grant({ admin_consent_id: 'd' }) }, 'notice'],
    [
      'for a link under an admin’s consent of any age',
      {
        adminConsent,
        grant: grant({ admin_consent_id: 'c', consented_at: '2020-01-01T00:00:00Z' }),
        settings: fortnight,
      },
      'remembered',
    ],
  ])('%s', (_name, question, kind) => {
    expect(due(question).kind).toBe(kind);
  });
});
