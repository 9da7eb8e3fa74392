import fc from 'fast-check';
import { type DecisionKind, DECISIONS } from './random-decisions.ts';

/** An act on a random ledger; numbers pick one of what there is, and where there is nothing yet the act does nothing. */
export type Act =
  | { readonly kind: 'person' | 'client' | 'resource' | 'revoke-tenant' | 'policy' }
  | {
      readonly kind: 'suspend';
      readonly what: 'user' | 'client' | 'resource' | 'tenant' | 'grant';
      readonly which: number;
    }
  | { readonly kind: 'link' | 'revoke-pair'; readonly user: number; readonly client: number; readonly resource: number }
  | { readonly kind: 'widen' | 'renew' | 'revoke-grant' | 'revoke-family' | 'revoke-token'; readonly grant: number }
  | { readonly kind: 'decide'; readonly what: DecisionKind; readonly which: number }
  | { readonly kind: 'revoke-user' | 'revoke-client' | 'revoke-resource'; readonly which: number };

const pick = fc.nat({ max: 1_000 });

/** Acts in an order in which most of them find something to act on. */
export const acts: fc.Arbitrary<Act[]> = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom<Act>({ kind: 'person' }, { kind: 'client' }, { kind: 'resource' }) },
    { weight: 1, arbitrary: fc.constantFrom<Act>({ kind: 'policy' }, { kind: 'revoke-tenant' }) },
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constant('link' as const), user: pick, client: pick, resource: pick }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('suspend' as const),
        what: fc.constantFrom(
          'user' as const,
          'client' as const,
          'resource' as const,
          'tenant' as const,
          'grant' as const,
        ),
        which: pick,
      }),
    },
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant('decide' as const),
        what: fc.constantFrom(...DECISIONS),
        which: pick,
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('revoke-pair' as const), user: pick, client: pick, resource: pick }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constantFrom(
          'widen' as const,
          'renew' as const,
          'revoke-grant' as const,
          'revoke-family' as const,
          'revoke-token' as const,
        ),
        grant: pick,
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constantFrom('revoke-user' as const, 'revoke-client' as const, 'revoke-resource' as const),
        which: pick,
      }),
    },
  ),
  { minLength: 10, maxLength: 60 },
);
