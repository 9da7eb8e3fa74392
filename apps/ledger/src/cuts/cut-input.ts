import { isIP, isIPv4 } from 'node:net';
import { clientSubject } from '@grantkeeper/domain';
import { z } from 'zod';

// UUIDs in capitals name the same thing (RFC 9562 §4), but a stream's id and a row's key are text here.
const id = z.uuid().toLowerCase();
const reason = z.string().trim().min(1).max(500);

// What PostgreSQL can hold, and nobody means anything else.
const [FIRST_DAY, LAST_DAY] = ['2000-01-01', '2100-01-01'];
const isSensible = (text: string): boolean => text >= FIRST_DAY && text < LAST_DAY;
const SENSIBLE = `must be between ${FIRST_DAY} and ${LAST_DAY}`;

function isNetwork(value: string): boolean {
  const [address = '', prefix, ...rest] = value.split('/');
  // A zone (fe80::1%eth0) means something to one machine alone.
  if (rest.length > 0 || isIP(address) === 0 || address.includes('%')) return false;
  if (prefix === undefined) return true;
  return /^\d{1,3}$/.test(prefix) && Number(prefix) <= (isIPv4(address) ? 32 : 128);
}

/** Which links a cut is about; all that is named must be true of a link, and something must be named. */
export const cutWhere = z
  .strictObject({
    userId: id.optional(),
    clientId: z.string().min(1).max(2048).optional(),
    resourceId: id.optional(),
    subjects: z.array(clientSubject).min(1).max(10).optional(),
    metadataDigest: z.string().min(1).max(200).optional(),
    scope: z.string().min(1).max(200).optional(),
    unusedSince: z.iso.date().refine(isSensible, SENSIBLE).optional(),
    grantedBefore: z.iso
      .datetime({ offset: true })
      .transform((text) => new Date(text).toISOString())
      .refine(isSensible, SENSIBLE)
      .optional(),
    network: z.string().max(50).refine(isNetwork, 'must be an IP address, or a prefix as 192.0.2.0/24').optional(),
  })
  .refine((where) => Object.values(where).some((value) => value !== undefined), 'must name something');
export type CutWhere = z.infer<typeof cutWhere>;

const page = {
  after: id.optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
};
export const newPreview = z.strictObject({ where: cutWhere, limit: page.limit });
export const newCut = z.strictObject({ preview: id, act: z.enum(['revoke', 'suspend']), reason });
export const decision = z.strictObject({ reason: reason.optional() });
export const linksPage = z.strictObject({
  ...page,
  state: z.enum(['pending', 'done', 'ended', 'suspended_before', 'resumed', 'kept']).optional(),
});
export const cutsPage = z.strictObject({
  before: z.coerce.number().int().min(1).optional(),
  limit: page.limit,
});
