import type { ErrorApp, ErrorKind } from '../pages/index.ts';

/**
 * An error that ends in a page, because there is no proven place to send the person to; `detail` is for the developer
 * of the client and safe to show.
 */
export class PageError extends Error {
  override readonly name = 'PageError';
  constructor(
    readonly kind: ErrorKind,
    readonly detail?: string,
    /** The app that it is about, where that is known. */
    readonly app?: ErrorApp,
  ) {
    super(detail ?? kind);
  }
}
