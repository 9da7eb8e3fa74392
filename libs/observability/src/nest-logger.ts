import type { LoggerService } from '@nestjs/common';
import type { Logger } from 'pino';
import { isError } from './redaction.ts';

/**
 * Nest's log through ours. `logger.warn({ msg, …fields })` keeps its fields, an Error its stack; the last text argument is
 * the context, as Nest passes it.
 */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, ...rest: unknown[]): void {
    this.#write('info', message, rest);
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.#write('warn', message, rest);
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.#write('debug', message, rest);
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.#write('trace', message, rest);
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.#write('fatal', message, rest);
  }

  /** Nest passes (message, stack?, context?); a stack is told from a context by its lines. */
  error(message: unknown, ...rest: unknown[]): void {
    this.#write('error', message, rest);
  }

  #write(level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal', message: unknown, rest: unknown[]): void {
    const fields: Record<string, unknown> = {};
    const more: unknown[] = [];
    for (const [index, item] of rest.entries()) {
      if (isError(item)) fields['err'] = item;
      else if (typeof item !== 'string') more.push(item);
      else if (item.includes('\n    at ')) fields['stack'] = item;
      else if (index === rest.length - 1) fields['context'] = item;
      else more.push(item);
    }
    const present = more.filter((item) => item !== undefined);
    if (present.length > 0) fields['more'] = present;

    if (isError(message)) this.logger[level]({ ...fields, err: message }, message.message);
    else if (typeof message === 'object' && message !== null) this.logger[level]({ ...fields, ...message });
    else this.logger[level](fields, String(message));
  }
}
