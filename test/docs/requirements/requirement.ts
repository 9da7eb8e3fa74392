/** One thing that a specification or a real client asks of this product. */
export interface Requirement {
  readonly id: string;
  /** What is asked, in our words. */
  readonly says: string;
  /** Why there is no test: it asks nothing of us, or we have decided otherwise. */
  readonly because?: string;
}

/** A row of a list of requirements: id, words, and what else there is to say. */
export type Row = readonly [id: string, says: string, more?: Omit<Requirement, 'id' | 'says'>];

export function requirements(rows: readonly Row[]): readonly Requirement[] {
  return rows.map(([id, says, more]) => ({ id, says, ...more }));
}

/** For facts about others that ask for nothing. */
export const aboutOthers = (why: string): { because: string } => ({ because: why });
