/** How long an answer that does not come is waited for before it is asked for anew. */
const GIVEN_UP_AFTER_MS = 30_000;

/**
 * `ask`, for endpoints that anyone may call: never under way twice, its answer kept for `keepMs`. So however many ask,
 * it costs what one costs. A failure is not kept.
 */
export function sharedAnswer<Answer>(ask: () => Promise<Answer>, keepMs = 0): () => Promise<Answer> {
  let last: { readonly answer: Promise<Answer>; until: number } | undefined;
  return () => {
    if (last && performance.now() < last.until) return last.answer;
    const next = { answer: ask(), until: performance.now() + GIVEN_UP_AFTER_MS };
    last = next;
    next.answer.then(
      () => (next.until = performance.now() + keepMs),
      () => (next.until = 0),
    );
    return next.answer;
  };
}
