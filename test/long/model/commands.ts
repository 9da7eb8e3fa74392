import fc from 'fast-check';

/** What ends access; the numbers pick among what there is when the command is carried out. */
export type Ended = 'grant' | 'family' | 'token' | 'user' | 'client' | 'resource' | 'pair' | 'tenant';

export type Act =
  | { readonly kind: 'person' }
  | { readonly kind: 'client' }
  | { readonly kind: 'resource' }
  | {
      readonly kind: 'consent';
      readonly user: number;
      readonly client: number;
      readonly resource: number;
      readonly wide: boolean;
    }
  | { readonly kind: 'revoke'; readonly what: Ended; readonly pick: number }
  | { readonly kind: 'policy'; readonly registration: 'open' | 'off'; readonly idle: number }
  | { readonly kind: 'redeem'; readonly pick: number; readonly times: number }
  | { readonly kind: 'refresh'; readonly pick: number; readonly times: number };

export interface Command {
  readonly tenant: number;
  readonly act: Act;
  /** How many callers send it at once, with the same id. */
  readonly copies: number;
}

const pick = fc.nat({ max: 1_000_000 });
const times = fc.oneof(
  { arbitrary: fc.constant(1), weight: 5 },
  { arbitrary: fc.integer({ min: 2, max: 3 }), weight: 1 },
);

const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ kind: 'person' as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'client' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'resource' as const }) },
  {
    weight: 30,
    arbitrary: fc.record({
      kind: fc.constant('consent' as const),
      user: pick,
      client: pick,
      resource: pick,
      wide: fc.boolean(),
    }),
  },
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('revoke' as const),
      what: fc.constantFrom<Ended>(
        'grant',
        'grant',
        'grant',
        'family',
        'family',
        'token',
        'user',
        'client',
        'resource',
        'pair',
        'tenant',
      ),
      pick,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('policy' as const),
      registration: fc.constantFrom('open' as const, 'off' as const),
      idle: fc.integer({ min: 3_600, max: 90_000 }),
    }),
  },
  { weight: 20, arbitrary: fc.record({ kind: fc.constant('redeem' as const), pick, times }) },
  { weight: 30, arbitrary: fc.record({ kind: fc.constant('refresh' as const), pick, times }) },
);

/** A command for one of `tenants` tenants. */
export function anyCommand(tenants: number): fc.Arbitrary<Command> {
  return fc.record({
    tenant: fc.nat({ max: tenants - 1 }),
    act,
    copies: fc.oneof(
      { arbitrary: fc.constant(1), weight: 9 },
      { arbitrary: fc.integer({ min: 2, max: 3 }), weight: 1 },
    ),
  });
}
