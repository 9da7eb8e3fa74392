import { z } from 'zod';
import { defineEvent } from '../event.ts';

export const adminKeyCreated = defineEvent({
  type: 'AdminKeyCreated',
  version: 1,
  streamType: 'admin-key',
  payload: z.object({ keyId: z.uuid(), name: z.string() }),
  privacy: { keyId: 'business', name: 'business' },
  says: 'A key to the admin API was made: in the system ledger for operators, in a tenant’s ledger for its admins.',
});

export const adminKeyRevoked = defineEvent({
  type: 'AdminKeyRevoked',
  version: 1,
  streamType: 'admin-key',
  payload: z.object({ keyId: z.uuid() }),
  privacy: { keyId: 'business' },
  says: 'A key to the admin API was ended: whoever holds it is nobody from then on.',
});
