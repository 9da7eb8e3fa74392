/**
 * What a function that answers many inputs answers. What several answers have in common is said once, in `shared`; an
 * answer has all of what it names in `shares`, the later before the earlier, and its own before both.
 */
export interface SharingAnswers {
  readonly shared?: Readonly<Record<string, object>>;
  readonly answers: readonly unknown[];
}

/** The answers, each with all that it has, in the order of the inputs. */
export function inFull<Answer>({ shared = {}, answers }: SharingAnswers): Answer[] {
  return answers.map((answer) => (isSharing(answer) ? together(shared, answer) : answer) as Answer);
}

function together(shared: Readonly<Record<string, object>>, { shares, ...own }: { shares: readonly string[] }): object {
  return Object.assign({}, ...shares.map((name) => shared[name]), own) as object;
}

function isSharing(answer: unknown): answer is { shares: readonly string[] } {
  return typeof answer === 'object' && answer !== null && 'shares' in answer;
}
