/** A URL to which a credential may be sent: https, or http to this machine. Throws a `TypeError` that names `what`. */
export function serviceUrl(what: string, text: unknown): string {
  const url = typeof text === 'string' ? URL.parse(text) : null;
  const here = url && ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  if (!url || !(url.protocol === 'https:' || (url.protocol === 'http:' && here)))
    throw new TypeError(`${what} must be an https URL (http only to this machine), not ${JSON.stringify(text)}.`);
  return text as string;
}
