import { createHash, randomBytes } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import type { Rules } from './refresh-model.ts';

export const LANES = 4;
export const SCHEDULES_PER_TENANT = 8;

/** A tenant with its policy; its schedules share its fence and its ledger, and nothing else. */
export interface Tenant {
  readonly id: string;
  readonly resourceId: string;
  readonly rules: Rules;
  readonly ends: 'family' | 'grant';
}

/** A link with two installations (slots 0 and 1) and a code that may become a third (slot 2). */
export interface Link {
  readonly tenant: Tenant;
  readonly userId: string;
  readonly clientId: string;
  readonly grantId: string;
  readonly families: readonly [string, string];
  readonly code: string;
}

export type Step = Readonly<Record<string, unknown>>;

/** What all lanes are to do, tenant by tenant; the number of a schedule is its place in `links`. */
export interface Batch {
  readonly tenants: readonly Tenant[];
  readonly links: readonly Link[];
  /** By lane, then by tenant. */
  readonly windows: ReadonlyArray<ReadonlyArray<readonly Step[]>>;
}

export const SALT = Buffer.alloc(32, 7);
const inner = createHash('sha256').update('any').digest();
const tag = createHash('sha256').update(SALT).update(inner).digest('hex');

/** Schedules for some tenants. What they do follows from `random` alone; ids and secrets are new each time. */
export function makeBatch(random: () => number, tenantCount: number): Batch {
  const tenants: Tenant[] = [];
  const links: Link[] = [];
  const windows: Step[][][] = Array.from({ length: LANES }, () => []);
  for (let t = 0; t < tenantCount; t += 1) {
    const tenant: Tenant = {
      id: uuidv7(),
      resourceId: uuidv7(),
      rules: { graceSeconds: random() < 0.15 ? 0 : 120, replaysMax: random() < 0.3 ? 1 : 20 },
      ends: random() < 0.25 ? 'grant' : 'family',
    };
    tenants.push(tenant);
    const lanes: Step[][][] = Array.from({ length: LANES }, () => []);
    for (let n = 0; n < SCHEDULES_PER_TENANT; n += 1) {
      const link: Link = {
        tenant,
        userId: uuidv7(),
        clientId: `gkd_${uuidv7()}`,
        grantId: uuidv7(),
        families: [uuidv7(), uuidv7()],
        code: randomBytes(32).toString('hex'),
      };
      stepsOf(link, links.length, random).forEach((steps, lane) => lanes[lane]!.push(steps));
      links.push(link);
    }
    // An act that is wider than a link, for all schedules of the tenant.
    if (random() < 0.12) {
      const kind = random() < 0.5 ? 'tenant' : 'resource';
      const id = kind === 'tenant' ? tenant.id : tenant.resourceId;
      lanes[Math.floor(random() * LANES)]!.push([common(tenant, -1 - t, random, { k: 'end', q: { kind, id } })]);
    }
    lanes.forEach((steps, lane) => windows[lane]!.push(merged(steps, random)));
  }
  return { tenants, links, windows: windows.map((lane) => lane.map((steps) => joined(steps, random))) };
}

const MOST_JOINED = 4;

/** The same steps, some of which share a statement with the next one (j): those that lock in the order of the product. */
function joined(steps: readonly Step[], random: () => number): Step[] {
  const result = [...steps];
  let many = 1;
  for (let at = 0; at + 1 < result.length; at += 1) {
    const [step, next] = [result[at]!, result[at + 1]!];
    const inOrder =
      (step['k'] === 'refresh' || step['k'] === 'redeem') && step['k'] === next['k'] && lockOf(step) <= lockOf(next);
    if (!inOrder || many === MOST_JOINED || random() < 0.5) {
      many = 1;
      continue;
    }
    many += 1;
    // Of two tokens of one family the first may be dead already when its transaction commits: the second has ended both.
    const alike = lockOf(step) === lockOf(next);
    const { looks: _looks, ...blind } = step;
    result[at] = { ...(alike ? blind : step), j: 1 };
  }
  return result;
}

function lockOf({ k, q }: Step): string {
  const { familyId, codeHash } = q as { familyId: string; codeHash: string };
  return k === 'redeem' ? codeHash : familyId;
}

function common(tenant: Tenant, schedule: number, random: () => number, step: Step): Step {
  // Some two of the places where the functions can be held up, or none.
  const place = (): number => (random() < 0.3 ? 1 << Math.floor(random() * 31) : 0);
  return { t: tenant.id, s: schedule, m: (place() | place()) & 0x7fffffff, ...step };
}

/** The steps of one schedule by lane: two processes of the client, a thief, and who ends access or lets time pass. */
function stepsOf(link: Link, schedule: number, random: () => number): Step[][] {
  const { tenant, clientId, grantId, families } = link;
  const chance = (probability: number): boolean => random() < probability;
  const step = (fields: Step): Step => common(tenant, schedule, random, fields);
  const refresh = (slot: number, familyId: string, which: string, extra: Step = {}): Step =>
    step({
      k: 'refresh',
      f: slot,
      w: which,
      q: {
        familyId,
        inner: inner.toString('hex'),
        tag,
        clientId,
        authMethod: 'none',
        secretHash: null,
        fingerprint: 'f',
        resource: null,
      },
      ...(chance(0.25) && { lost: 1 }),
      ...(chance(0.06) && { dies: 1 }),
      ...(chance(0.3) && { looks: 1 }),
      ...(chance(0.2) && { silent: 1 }),
      ...extra,
    });
  const check = (slot: number, familyId: string): Step =>
    step({ k: 'check', f: slot, q: { grantId, familyId, tokenId: '', epoch: 1 } });
  const redeemAndUse = (lane: number): Step[] => {
    const familyId = uuidv7();
    const q = {
      codeHash: link.code,
      clientId,
      authMethod: 'none',
      secretHash: null,
      challenge: 'c',
      redirectUri: null,
      resource: null,
      familyId,
      salt: SALT.toString('hex'),
      fingerprint: 'f',
    };
    return [
      step({
        k: 'redeem',
        f: 2,
        l: lane,
        q,
        ...(chance(0.1) && { dies: 1 }),
        ...(chance(0.6) && { looks: 1 }),
        ...(chance(0.3) && { silent: 1 }),
      }),
      ...(chance(0.7) ? [refresh(2, familyId, 'latest')] : []),
      ...(chance(0.4) ? [check(2, familyId)] : []),
    ];
  };
  const times = (count: number, make: () => Step[]): Step[] => Array.from({ length: count }, make).flat();
  const [a, b] = families;

  const redeems = chance(0.4);
  const roles: ((lane: number) => Step[])[] = [
    (lane) => [
      ...(redeems && chance(0.7) ? redeemAndUse(lane) : []),
      ...times(1 + Math.floor(random() * 3), () => [
        refresh(0, a, chance(0.85) ? 'latest' : 'previous'),
        ...(chance(0.25) ? [check(0, a)] : []),
      ]),
    ],
    () => [
      ...times(Math.floor(random() * 3), () => [refresh(0, a, chance(0.7) ? 'latest' : 'previous')]),
      ...times(Math.floor(random() * 3), () => [refresh(1, b, chance(0.9) ? 'latest' : 'previous')]),
      ...(chance(0.3) ? [check(1, b)] : []),
    ],
    (lane) => [
      ...(redeems ? redeemAndUse(lane) : []),
      ...times(Math.floor(random() * 3), () => [refresh(0, a, chance(0.6) ? 'first' : 'latest')]),
      ...(chance(0.3) ? [check(0, a)] : []),
    ],
    () => [
      ...(chance(0.35) ? [step({ k: 'age', f: 0, id: a, secs: chance(0.6) ? 130 : 50 })] : []),
      ...(chance(0.3) ? [refresh(1, b, 'latest')] : []),
      ...(chance(0.35) ? [step(ending(link, random))] : []),
      // Both installations go, perhaps while a third one comes.
      ...(redeems && chance(0.25)
        ? families.map((familyId, f) => step({ k: 'end', f, q: { kind: 'family', grantId, familyId } }))
        : []),
      ...(chance(0.2) ? [step({ k: 'age', f: 0, id: a, secs: 50 })] : []),
    ],
  ];
  const places = shuffled(roles, random);
  return places.map((role, lane) => role(lane));
}

function ending({ userId, clientId, grantId, families }: Link, random: () => number): Step {
  const slot = random() < 0.5 ? 0 : 1;
  const kinds = [
    { f: slot, q: { kind: 'family', grantId, familyId: families[slot] } },
    { f: slot, q: { kind: 'family', grantId, familyId: families[slot] } },
    { q: { kind: 'grant', grantId } },
    { q: { kind: 'user', id: userId } },
    { q: { kind: 'client', id: clientId } },
  ];
  return { k: 'end', ...kinds[Math.floor(random() * kinds.length)] };
}

/** Several lists as one, each in its own order. */
function merged(lists: readonly (readonly Step[])[], random: () => number): Step[] {
  const left = lists.map((list) => [...list]).filter((list) => list.length > 0);
  const result: Step[] = [];
  while (left.length > 0) {
    const index = Math.floor(random() * left.length);
    result.push(left[index]!.shift()!);
    if (left[index]!.length === 0) left.splice(index, 1);
  }
  return result;
}

function shuffled<Item>(items: readonly Item[], random: () => number): Item[] {
  const result = [...items];
  for (let at = result.length - 1; at > 0; at -= 1) {
    const other = Math.floor(random() * (at + 1));
    [result[at], result[other]] = [result[other]!, result[at]!];
  }
  return result;
}
