import { RevocationsLost } from './feed/revocations-lost.ts';

/** The same trouble is told again after this long. */
const AGAIN_MS = 30_000;
const MOST_KINDS = 100;

/**
 * Tells each trouble once, and again every 30 seconds while it lasts: a deployment that cannot be reached is found out
 * several times a second. What would be lost with a single message is always told. `forget` when all is well again: what
 * happens next is news.
 */
export function onceInAWhile(
  tell: (trouble: unknown) => void,
  now: () => number = () => performance.now(),
): { readonly tell: (trouble: unknown) => void; readonly forget: () => void } {
  const told = new Map<string, number>();
  const tellOnce = (trouble: unknown): void => {
    const kind = trouble instanceof Error ? `${trouble.name}: ${trouble.message}` : String(trouble);
    const before = told.get(kind);
    if (!(trouble instanceof RevocationsLost) && before !== undefined && now() - before < AGAIN_MS) return;
    told.delete(kind);
    told.set(kind, now());
    if (told.size > MOST_KINDS) told.delete(told.keys().next().value!);
    tell(trouble);
  };
  return { tell: tellOnce, forget: () => told.clear() };
}
