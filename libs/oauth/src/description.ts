/** Longest text put into an `error_description`. */
const MAX_LENGTH = 400;

/**
 * `text` in the only characters that `error_description` may hold (RFC 6749 §5.2, RFC 6750 §3):
 * double quotes become single ones, everything else outside the set becomes `?`, and long text is cut.
 */
export function toDescription(text: string): string {
  const characters = Array.from(text).slice(0, MAX_LENGTH);
  return characters.map((c) => (c === '"' ? "'" : /^[\x20-\x21\x23-\x5B\x5D-\x7E]$/.test(c) ? c : '?')).join('');
}
