import { messages, type Lang } from './messages/phrases.ts';

/** The language for an `Accept-Language` header (RFC 9110 §12.5.4): the most wanted one we speak, else English. */
export function chooseLanguage(header: string | undefined): Lang {
  let chosen: Lang = 'en';
  let best = 0;
  for (const range of (header ?? '').slice(0, 1_000).split(',')) {
    const match = /^\s*([a-z]{2,3})(?:-[a-z0-9-]*)?\s*(?:;\s*q=([01](?:\.\d{0,3})?))?\s*$/i.exec(range);
    const lang = match?.[1]?.toLowerCase();
    const weight = Number(match?.[2] ?? 1);
    if (lang !== undefined && isSpoken(lang) && weight > best) {
      chosen = lang;
      best = weight;
    }
  }
  return chosen;
}

function isSpoken(lang: string): lang is Lang {
  return Object.hasOwn(messages, lang);
}
