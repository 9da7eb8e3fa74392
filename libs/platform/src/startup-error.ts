/** The product cannot start, or go on, as things are. The message is meant for the operator and says what to change. */
export class StartupError extends Error {
  override readonly name = 'StartupError';
}

const EXPECTED = ['StartupError', 'ConfigError', 'EmbeddedPostgresError', 'DomainError'];

/** What to print for a failed start: one message when its cause is the surroundings, everything when it is a bug. */
export function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return EXPECTED.includes(error.name) ? error.message : (error.stack ?? error.message);
}
