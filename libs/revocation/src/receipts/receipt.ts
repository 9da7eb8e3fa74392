/** No access token lives longer (the policy's bound, and a minute for clocks): what cannot be accepted after it is gone. */
export const LONGEST_TOKEN_MS = 61 * 60_000;
/**
 * A lease is written down every two seconds, and lets a point accept tokens for two more. What a delta tells is worth as
 * much and not written down: so much after a revocation was recorded, of which a slow commit may have taken half, whatever
 * is believed knows of it.
 */
export const SILENT_AFTER_MS = 4_000;
/** For how long acknowledgements are kept: older receipts can no longer be made. */
export const RECEIPT_DAYS = 30;
/** Of those that can accept nothing any more, `left` or `gone`, so many of each point are named, the last ones. */
const MOST_ENDED = 100;

/** A process that followed the feed when something was revoked, as it is known now. */
export interface InstanceFacts {
  readonly instanceId: string;
  readonly lastLeaseAt: Date;
  readonly leftAt: Date | null;
  /** When it first said that it had applied the revocation, or more. */
  readonly acknowledgedAt: Date | null;
  /** Ids of the signing keys that it would accept, as it said last; none of one that does not say. */
  readonly keys: readonly string[];
  /** What it does with a token that it can ask nobody about: as it says itself, or as it was told last. */
  readonly whenUnreachable: 'refuse' | 'degrade_until_expiry';
}

/** An enforcement point that there was. */
export interface PointFacts {
  readonly pointId: string;
  /** `hosted`: our own servers, which serve all tenants. `tenant`: one that the tenant has registered. */
  readonly scope: 'hosted' | 'tenant';
  readonly name: string;
  /** URL of the resource whose tokens it checks; null where it checks those of several. */
  readonly resource: string | null;
  readonly instances: readonly InstanceFacts[];
}

/**
 * How far an instance is: it has `acknowledged`; it has not yet, and is heard of (`pending`); it is `silent`; or there is
 * nothing left that could accept anything: it said goodbye (`left`), or has been silent for longer than any token lives
 * (`gone`).
 */
export type InstanceState = 'acknowledged' | 'pending' | 'silent' | 'left' | 'gone';

export interface InstanceReceipt {
  readonly id: string;
  readonly state: InstanceState;
  readonly lastHeardAt: string;
  readonly acknowledgedAt?: string;
  /** Of a silent one: from then on, at the latest, it does not accept what was revoked; nothing at all, unless it is answered. */
  readonly refusesSince?: string;
  /** Of a silent one that degrades until expiry: until then, at the latest, it may accept what was revoked. */
  readonly mayAcceptUntil?: string;
  /** Of a signing key: whether the key was among those that it would accept when it was heard of last, where it names them. */
  readonly acceptsKey?: boolean;
}

export interface PointReceipt {
  readonly id: string;
  readonly scope: PointFacts['scope'];
  readonly name: string;
  readonly resource: string | null;
  readonly instances: readonly InstanceReceipt[];
}

/** What is known of a revocation's way to whoever has to obey it. */
export interface Receipt {
  /** No instance that followed the feed can accept what was revoked any more: each has applied it, is gone, or refuses. */
  readonly settled: boolean;
  readonly instances: Readonly<Record<InstanceState, number>>;
  readonly points: readonly PointReceipt[];
}

/** Whether an instance could accept anything when it was recorded, though its point had been removed before. */
export function couldAccept({ whenUnreachable, lastLeaseAt }: InstanceFacts, recordedAt: Date): boolean {
  const silentFor = recordedAt.getTime() - lastLeaseAt.getTime();
  return silentFor <= (whenUnreachable === 'degrade_until_expiry' ? LONGEST_TOKEN_MS : SILENT_AFTER_MS);
}

/** What a receipt is about. */
export interface Revoked {
  readonly recordedAt: Date;
  /** In the words of an access token. */
  readonly names: Readonly<Record<string, string>>;
}

/** Says of each instance what it has done with what was revoked. */
export function makeReceipt({ recordedAt, names }: Revoked, points: readonly PointFacts[], now: Date): Receipt {
  const counts: Record<InstanceState, number> = { acknowledged: 0, pending: 0, silent: 0, left: 0, gone: 0 };
  let settled = true;
  const described = points.map(({ pointId, scope, name, resource, instances }) => ({
    id: pointId,
    scope,
    name,
    resource,
    instances: withoutMostEnded(
      instances.map((instance) => {
        const receipt = receiptOf(instance, recordedAt, now);
        counts[receipt.state] += 1;
        if (receipt.state === 'pending' || !hasStopped(receipt, now)) settled = false;
        return { ...receipt, ...keyIn(instance, names['kid']) };
      }),
    ),
  }));
  return { settled, instances: counts, points: described };
}

function withoutMostEnded(receipts: readonly InstanceReceipt[]): readonly InstanceReceipt[] {
  const ended = receipts.filter(({ state }) => state === 'left' || state === 'gone');
  if (ended.length <= MOST_ENDED) return receipts;
  const lastFirst = ended.toSorted((one, other) => (one.lastHeardAt < other.lastHeardAt ? 1 : -1));
  const unnamed = new Set(lastFirst.slice(MOST_ENDED));
  return receipts.filter((receipt) => !unnamed.has(receipt));
}

function receiptOf(
  { instanceId, lastLeaseAt, leftAt, acknowledgedAt, whenUnreachable }: InstanceFacts,
  recordedAt: Date,
  now: Date,
): InstanceReceipt {
  const known = { id: instanceId, lastHeardAt: lastLeaseAt.toISOString() };
  if (acknowledgedAt) return { ...known, state: 'acknowledged', acknowledgedAt: acknowledgedAt.toISOString() };
  if (leftAt) return { ...known, state: 'left' };
  const silentFor = now.getTime() - lastLeaseAt.getTime();
  if (silentFor > LONGEST_TOKEN_MS) return { ...known, state: 'gone' };
  if (silentFor <= SILENT_AFTER_MS) return { ...known, state: 'pending' };
  if (whenUnreachable === 'degrade_until_expiry') {
    // By then the last token from before has expired; and it goes on for no longer than one lives after it heard anything.
    const until = new Date(Math.min(recordedAt.getTime(), lastLeaseAt.getTime()) + LONGEST_TOKEN_MS);
    return { ...known, state: 'silent', mayAcceptUntil: until.toISOString() };
  }
  const last = Math.max(lastLeaseAt.getTime(), recordedAt.getTime());
  return { ...known, state: 'silent', refusesSince: new Date(last + SILENT_AFTER_MS).toISOString() };
}

function keyIn({ keys }: InstanceFacts, kid: string | undefined): Pick<InstanceReceipt, 'acceptsKey'> {
  return kid === undefined || keys.length === 0 ? {} : { acceptsKey: keys.includes(kid) };
}

function hasStopped({ mayAcceptUntil, refusesSince }: InstanceReceipt, now: Date): boolean {
  const end = mayAcceptUntil ?? refusesSince;
  return end === undefined || Date.parse(end) <= now.getTime();
}
