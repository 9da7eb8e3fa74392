import { describe, expect, it } from '@jest/globals';
import { defaultPolicy } from '@grantkeeper/domain';
import type { ContextGrant } from '../authorize-context.ts';
import { adminConsentFor, type ConsentQuestion, dueConsent, hasChangedSince } from './due-consent.ts';

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
const adminConsent = { consentId: 'c', resourceId: 'r', metadataDigest: 'd', scopes: ['a', 'b'] };
const due = (changes: Partial<ConsentQuestion> = {}) =>
  dueConsent({
    scopes: ['a'],
    grant: undefined,
    kind: 'cimd',
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
    [
      'where a registration has changed, which no policy takes as it comes',
      { grant: grant(), kind: 'dynamic', changed: true, settings: accepting },
      'page',
    ],
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
    [
      'for a link that rests on another, once an admin has consented to the change as well',
      { adminConsent, grant: grant({ admin_consent_id: 'old' }), changed: true, settings: silent },
      'by_admin',
    ],
    [
      'for a link that rests on one for another version',
      { grant: grant({ admin_consent_id: 'c' }), changed: true },
      'page',
    ],
    [
      'where a person’s own link is to another version than the one that an admin has consented to',
      { adminConsent, grant: grant(), changed: true, settings: silent },
      'page',
    ],
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

describe('an admin’s consent for everyone', () => {
  const cimd = (metadataDigest: string) => ({ kind: 'cimd' as const, metadataDigest });
  const old = { ...adminConsent, consentId: 'old', metadataDigest: 'before' };

  it('holds for the version that the admin has looked at, and for no other', () => {
    expect(adminConsentFor(cimd('d'), [adminConsent, old], defaultPolicy)).toBe(adminConsent);
    expect(adminConsentFor(cimd('before'), [adminConsent, old], defaultPolicy)).toBe(old);
    expect(adminConsentFor(cimd('next'), [adminConsent, old], defaultPolicy)).toBeUndefined();
    expect(adminConsentFor({ kind: 'dynamic', metadataDigest: 'next' }, [adminConsent], accepting)).toBeUndefined();
  });

  it('holds for every version of a document where changes are taken as they come, and of what admins alone change', () => {
    expect(adminConsentFor(cimd('next'), [adminConsent, old], accepting)).toBe(adminConsent);
    expect(adminConsentFor(cimd('before'), [adminConsent, old], accepting)).toBe(old);
    expect(adminConsentFor({ kind: 'registered', metadataDigest: 'next' }, [adminConsent], defaultPolicy)).toBe(
      adminConsent,
    );
  });
});

describe('a link', () => {
  it.each([
    ['cimd', true],
    ['dynamic', true],
    ['registered', false],
  ] as const)('to a client that is %s may have been given to another version: %s', (kind, changed) => {
    expect(hasChangedSince(grant(), { kind, metadataDigest: 'next' })).toBe(changed);
    expect(hasChangedSince(grant(), { kind, metadataDigest: 'd' })).toBe(false);
    expect(hasChangedSince(undefined, { kind, metadataDigest: 'next' })).toBe(false);
  });
});
