const LONGEST = 64;

/**
 * The words of a text as they are indexed and looked for: one alphabet of forms (NFKC), lower case, without accents,
 * split at everything that is neither letter nor digit. A whole text without spaces (an id, a URL) is a word too.
 */
export function searchWords(text: string): string[] {
  const plain = text.normalize('NFKD').replaceAll(/\p{M}/gu, '').normalize('NFKC').toLowerCase().trim();
  const words = plain.split(/[^\p{L}\p{N}]+/u).filter(Boolean);
  if (!/\s/.test(plain) && plain !== '') words.push(plain);
  return [...new Set(words.map((word) => Array.from(word).slice(0, LONGEST).join('')))];
}

/**
 * What the words of a query begin with. A query without spaces that is written like an id or a URL is looked for as a
 * whole; any other one by all of its words.
 */
export function queryPrefixes(query: string): string[] {
  const words = searchWords(query);
  const whole = words.at(-1);
  return whole !== undefined && /[^\p{L}\p{N}]/u.test(whole) ? [whole] : words;
}

/** The smallest text above all texts that begin with `prefix`, in byte order. */
export function endOfPrefix(prefix: string): string {
  return `${prefix}\u{10ffff}`;
}
