import type { FastifyRequest } from 'fastify';

/** A page for a person, with its headers. */
export type NotFoundPage = (request: FastifyRequest) => {
  readonly headers: Readonly<Record<string, string>>;
  readonly html: string;
};

/** True for a browser that is going somewhere; programs of the protocols ask for JSON, or for anything. */
export function wantsPage({ headers }: FastifyRequest): boolean {
  return headers.accept?.includes('text/html') === true;
}
