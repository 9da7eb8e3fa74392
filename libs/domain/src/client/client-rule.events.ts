import { z } from 'zod';
import { defineEvent } from '../event.ts';
import { scopeName } from '../resource/resource.events.ts';

const HOST = String.raw`(?:[a-z0-9-]+(?:\.[a-z0-9-]+)*|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?`;

/**
 * What a rule is about, as `kind:value`, compared exactly: `client:` an id (the URL of a metadata document included),
 * `host:` a host (or private-use scheme) to which a client sends people back, `publisher:` the host of a metadata
 * document, `software:` a `software_id` that clients give themselves.
 */
export const clientSubject = z
  .string()
  .max(2_060)
  .regex(
    new RegExp(String.raw`^(?:client:[\x21-\x7e]+|(?:host|publisher):${HOST}|software:[\x20-\x7e]{1,256})$`),
    'must be client:<id>, host:<redirect host>, publisher:<host> or software:<software_id>, hosts in lower case',
  );

export const clientRuleSet = defineEvent({
  type: 'ClientRuleSet',
  version: 1,
  streamType: 'client-rule',
  payload: z.object({
    subject: clientSubject,
    effect: z.enum(['allow', 'block']),
    /** The most that people may allow such a client; null for no limit of its own. */
    scopes: z.array(scopeName).max(100).nullable(),
  }),
  privacy: { subject: 'business', effect: 'business', scopes: 'business' },
  personal: ['reason'],
  wide: true,
  // Links of a blocked client are held: nobody hands out access that was decided before and commits after.
  endsAccess: true,
  says: 'Clients that match are allowed, perhaps up to certain scopes, or blocked with all their links.',
});

export const clientRuleRemoved = defineEvent({
  type: 'ClientRuleRemoved',
  version: 1,
  streamType: 'client-rule',
  payload: z.object({ subject: clientSubject }),
  privacy: { subject: 'business' },
  wide: true,
  says: 'A rule about clients does not hold any more. Links that it held work again, unless they were revoked.',
});
