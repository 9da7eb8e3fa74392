/**
 * The specification of redeeming and rotating, as a pure machine: what a grant with its families must do, whatever the
 * order in which requests arrive. The exhaustive exploration proves it, and what the database did is judged by it.
 */
export interface Rules {
  readonly graceSeconds: number;
  readonly replaysMax: number;
}

export interface Family {
  readonly generation: number;
  /** Seconds since the last rotation. */
  readonly age: number;
  readonly replays: number;
  readonly misused: boolean;
  readonly ended: boolean;
}

export interface Grant {
  /** By slot; undefined while the code of that slot has not been redeemed. */
  readonly families: ReadonlyArray<Family | undefined>;
  /** The grant itself has been ended. */
  readonly ended: boolean;
  /** Something wider than the grant has been revoked since it was given. */
  readonly cut: boolean;
}

export const newFamily: Family = { generation: 1, age: 0, replays: 0, misused: false, ended: false };

export type Refreshed = 'rotated' | 'replayed' | 'reuse' | 'invalid_grant';

/** How a refresh token of a living family stands to it. */
export function presentation(family: Family, presented: number, rules: Rules): 'current' | 'predecessor' | 'reused' {
  if (presented === family.generation) return 'current';
  const again =
    presented === family.generation - 1 && family.age <= rules.graceSeconds && family.replays < rules.replaysMax;
  return again ? 'predecessor' : 'reused';
}

export function refresh(
  grant: Grant,
  slot: number,
  presented: number,
  rules: Rules,
): { readonly grant: Grant; readonly outcome: Refreshed; readonly generation?: number } {
  const family = grant.families[slot];
  if (!family || family.ended || isRevoked(grant) || presented > family.generation) {
    return { grant, outcome: 'invalid_grant' };
  }
  if (family.misused) return { grant, outcome: 'reuse' };
  switch (presentation(family, presented, rules)) {
    case 'current': {
      const next = { ...family, generation: family.generation + 1, age: 0, replays: 0 };
      return { grant: having(grant, slot, next), outcome: 'rotated', generation: next.generation };
    }
    case 'predecessor': {
      const next = { ...family, replays: family.replays + 1 };
      return { grant: having(grant, slot, next), outcome: 'replayed', generation: next.generation };
    }
    case 'reused':
      return { grant: having(grant, slot, { ...family, misused: true }), outcome: 'reuse' };
  }
}

/** A code with its right verifier; the code is redeemed when its slot holds a family. */
export function redeem(
  grant: Grant,
  slot: number,
): { readonly grant: Grant; readonly outcome: 'redeemed' | 'replayed' | 'invalid_grant' } {
  const family = grant.families[slot];
  if (family) return { grant: having(grant, slot, { ...family, misused: true }), outcome: 'replayed' };
  if (isRevoked(grant)) return { grant, outcome: 'invalid_grant' };
  return { grant: having(grant, slot, newFamily), outcome: 'redeemed' };
}

/** Ends a family, and the grant with its last one; undefined when nothing was left to end. */
export function endFamily(grant: Grant, slot: number): { readonly grant: Grant; readonly last: boolean } | undefined {
  const family = grant.families[slot];
  if (!family || family.ended || grant.ended) return undefined;
  const ended = having(grant, slot, { ...family, ended: true });
  const last = ended.families.every((each) => !each || each.ended);
  return { grant: last ? { ...ended, ended: true } : ended, last };
}

/** Time passes for one family: the clock of the database, as its row sees it. */
export function passed(grant: Grant, slot: number, seconds: number): Grant {
  const family = grant.families[slot];
  return family ? having(grant, slot, { ...family, age: family.age + seconds }) : grant;
}

/** Whether an access token of the family works. */
export function alive(grant: Grant, slot: number): boolean {
  const family = grant.families[slot];
  return family !== undefined && !family.ended && !family.misused && !isRevoked(grant);
}

export const isRevoked = ({ ended, cut }: Grant): boolean => ended || cut;

export function having(grant: Grant, slot: number, family: Family): Grant {
  return { ...grant, families: grant.families.map((each, index) => (index === slot ? family : each)) };
}
