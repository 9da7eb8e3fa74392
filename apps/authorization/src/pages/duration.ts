import type { Lang } from './messages/phrases.ts';

const UNITS = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
] as const;

// Making one takes as long as the rest of a page; there are four for each language.
const formats = new Map<string, Intl.NumberFormat>();

function formatOf(unit: string, lang: Lang): Intl.NumberFormat {
  const name = `${lang} ${unit}`;
  let format = formats.get(name);
  if (!format) formats.set(name, (format = new Intl.NumberFormat(lang, { style: 'unit', unit, unitDisplay: 'long' })));
  return format;
}

/** A duration in words, in the largest unit that it fills; rounded down, so that no page promises more than there is. */
export function durationInWords(seconds: number, lang: Lang): string {
  const [unit, size] = UNITS.find(([, unitSeconds]) => seconds >= unitSeconds) ?? (['second', 1] as const);
  return formatOf(unit, lang).format(Math.floor(seconds / size));
}
