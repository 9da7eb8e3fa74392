/** One variable that is missing or wrong, and what is expected of it. Never holds the value of a secret. */
export interface ConfigProblem {
  readonly variable: string;
  readonly expected: string;
}

/** The configuration cannot be used. The message lists every variable at fault and is meant for the operator. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  constructor(readonly problems: readonly ConfigProblem[]) {
    super(
      [
        'The configuration is not complete or not right:',
        ...problems.map(({ variable, expected }) => `  ${variable}: ${expected}`),
      ].join('\n'),
    );
  }
}
