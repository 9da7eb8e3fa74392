/** The embedded PostgreSQL cannot be used here; the message says what to change and is meant for the operator. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError';
}
