import { z } from 'zod';
import { defineEvent } from '../event.ts';
import { because } from './because.ts';

/** Two or all three of a person, a client and a resource. */
export interface RevokedPair {
  readonly userId?: string | undefined;
  readonly clientId?: string | undefined;
  readonly resourceId?: string | undefined;
}

/** The stream of a pair: what it does not name is `*`. None of the three contains a space. */
export function pairId({ userId = '*', clientId = '*', resourceId = '*' }: RevokedPair): string {
  return `${userId} ${resourceId} ${clientId}`;
}

export const pairAccessRevoked = defineEvent({
  type: 'PairAccessRevoked',
  version: 1,
  streamType: 'pair',
  payload: z.object({
    userId: z.uuid().optional(),
    clientId: z.string().optional(),
    resourceId: z.uuid().optional(),
    because,
  }),
  privacy: { userId: 'pseudonym', clientId: 'pseudonym', resourceId: 'business', because: 'business' },
  personal: ['reason'],
  wide: true,
  endsAccess: true,
  says: 'Every link that existed between those that are named was ended: a person, a client, an MCP server, two or all of them.',
});
