import { z } from 'zod';
import { defineEvent } from '../event.ts';
import { because } from '../revocation/because.ts';

export const tenantOnboarded = defineEvent({
  type: 'TenantOnboarded',
  version: 1,
  streamType: 'tenant',
  payload: z.object({ tenantId: z.uuid(), slug: z.string(), displayName: z.string() }),
  privacy: { tenantId: 'business', slug: 'public', displayName: 'business' },
  says: 'A customer organisation was given its own authorization server and ledger.',
});

export const tenantAdmitted = defineEvent({
  type: 'TenantAdmitted',
  version: 1,
  streamType: 'tenant',
  payload: z.object({ tenantId: z.uuid(), slug: z.string(), displayName: z.string() }),
  privacy: { tenantId: 'business', slug: 'public', displayName: 'business' },
  says: 'In the system’s ledger: an operator made a tenant.',
});

export const tenantAccessRevoked = defineEvent({
  type: 'TenantAccessRevoked',
  version: 1,
  streamType: 'tenant',
  payload: z.object({ because }),
  privacy: { because: 'business' },
  personal: ['reason'],
  wide: true,
  endsAccess: true,
  says: 'Every link of the tenant that existed was ended.',
});

export const issuerEstablished = defineEvent({
  type: 'IssuerEstablished',
  version: 1,
  streamType: 'issuer',
  payload: z.object({ issuerId: z.uuid(), owner: z.enum(['tenant', 'deployment']), url: z.url() }),
  privacy: { issuerId: 'business', owner: 'public', url: 'public' },
  says: 'An issuer identity was made. Its URL never changes.',
});

export const ledgerDiverged = defineEvent({
  type: 'LedgerDiverged',
  version: 1,
  streamType: 'tenant',
  payload: z.object({ tenantId: z.uuid(), seq: z.int().nonnegative(), table: z.string() }),
  privacy: { tenantId: 'business', seq: 'business', table: 'public' },
  says: 'In the system’s ledger: live rows of a tenant were found not to be what its events say. `table` is `events` when the ledger itself has a hole.',
});

export const epochBegun = defineEvent({
  type: 'EpochBegun',
  version: 1,
  streamType: 'ledger',
  payload: z.object({ epoch: z.int().positive(), before: z.object({ epoch: z.int().positive(), seq: z.int() }) }),
  privacy: { epoch: 'public', before: 'public' },
  wide: true,
  endsAccess: true,
  says: 'The database was restored, so numbers after `before` may have been given out to other events. Every credential from before is dead.',
});

export const tenantSuspended = defineEvent({
  type: 'TenantSuspended',
  version: 1,
  streamType: 'tenant',
  payload: z.object({ tenantId: z.uuid() }),
  privacy: { tenantId: 'business' },
  personal: ['reason'],
  wide: true,
  endsAccess: true,
  says: 'No link of the tenant gives access until it is resumed, and nobody can make one; access tokens that exist are dead for good.',
});

export const tenantResumed = defineEvent({
  type: 'TenantResumed',
  version: 1,
  streamType: 'tenant',
  payload: z.object({ tenantId: z.uuid() }),
  privacy: { tenantId: 'business' },
  personal: ['reason'],
  says: 'The links of the tenant give access again, with new access tokens.',
});
