import { escapeHtml } from '../escape.ts';
import { de } from './de.ts';
import { en, type MessageKey, type Messages } from './en.ts';

/** The languages that the pages speak. */
export type Lang = 'en' | 'de';

/** The phrases of every language. */
export const messages: Readonly<Record<Lang, Messages>> = { en, de };

type Values = Readonly<Record<string, string>>;

/** The phrases of one language, with their placeholders filled. */
export interface Phrases {
  /** Plain text; whoever puts it into a page escapes it. */
  text(key: MessageKey, values?: Values): string;
  /**
   * HTML: each value is escaped and stands in a `<bdi>` of its own, so that a name written from right to left cannot
   * reorder the sentence around it.
   */
  html(key: MessageKey, values?: Values): string;
}

/** The phrases of `lang`. */
export function phrasesOf(lang: Lang): Phrases {
  const table = messages[lang];
  return {
    text: (key, values = {}) =>
      fill(
        table[key],
        values,
        (value) => value,
        (text) => text,
      ),
    html: (key, values = {}) => fill(table[key], values, (value) => `<bdi>${escapeHtml(value)}</bdi>`, escapeHtml),
  };
}

function fill(
  message: string,
  values: Values,
  writeValue: (value: string) => string,
  writeText: (text: string) => string,
): string {
  return message
    .split(/(\{\w+\})/)
    .map((part) => {
      const name = /^\{(\w+)\}$/.exec(part)?.[1];
      if (name === undefined) return writeText(part);
      const value = values[name];
      if (value === undefined) throw new TypeError(`No value for {${name}} in: ${message}`);
      return writeValue(value);
    })
    .join('');
}
