import { type DestinationStream, type Logger, pino } from 'pino';
import { isError, redact } from './redaction.ts';

export type { Logger } from 'pino';

export interface LoggerOptions {
  /** What the process is, for example `authorization`. */
  readonly name: string;
  readonly level: string;
  /** Standard output unless given. */
  readonly destination?: DestinationStream;
}

/**
 * A JSON logger that never writes a field with a secret's name, the query of a URL (codes and tokens travel there) or the
 * properties of an error beyond its type, text, code and stack (database errors quote rows in theirs).
 */
export function createLogger({ name, level, destination }: LoggerOptions): Logger {
  const options = {
    name,
    level,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: {
      level: (label: string) => ({ level: label }),
      log: (fields: Record<string, unknown>) => redact(fields) as Record<string, unknown>,
    },
    serializers: {
      err: describeError,
      error: describeError,
      reason: describeIfError,
      cause: describeIfError,
      url: withoutQuery,
    },
  };
  const logger = destination ? pino(options, destination) : pino(options);
  // pino applies a formatter of bindings to the root only; children inherit this method.
  // oxlint-disable-next-line typescript/unbound-method -- called below on the logger that it is called on
  const { child } = logger;
  logger.child = function (this: Logger, bindings: Record<string, unknown>, ...rest: []) {
    return child.call(this, redact(bindings) as Record<string, unknown>, ...rest);
  } as typeof child;
  return logger;
}

/** An error as the log shows it, with its causes. */
export function describeError(error: unknown, depth = 4): unknown {
  if (!isError(error)) return redact(error);
  const { code, constraint } = error as { code?: unknown; constraint?: unknown };
  return {
    type: error.name,
    message: error.message,
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    ...(typeof constraint === 'string' ? { constraint } : {}),
    stack: error.stack,
    ...(error.cause !== undefined && depth > 0 ? { cause: describeError(error.cause, depth - 1) } : {}),
  };
}

function describeIfError(value: unknown): unknown {
  return isError(value) ? describeError(value) : value;
}

/** The address of a request without what may be secret in it. */
export function withoutQuery(url: unknown): unknown {
  return typeof url === 'string' ? url.replace(/[?#].*$/s, '') : url;
}
