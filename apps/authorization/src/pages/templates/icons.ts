const icon = (paths: string) =>
  `<svg class="icon" viewBox="0 0 24 24" width="20" height="20" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">${paths}</svg>`;

/** Inline drawings. All are decoration: the words beside them say the same. */
export const icons = {
  check: icon('<path d="M5 12.5 10 17.5 19 7"/>'),
  dot: icon('<circle cx="12" cy="12" r="3" fill="currentColor" stroke="none"/>'),
  warning: icon('<path d="M12 3.5 21.5 20h-19Z"/><path d="M12 10v4.5"/><path d="M12 17.3v.1"/>'),
  clock: icon('<circle cx="12" cy="12" r="9"/><path d="M12 7v5l3.5 2"/>'),
  shield: icon(
    '<path d="M12 3 19.5 6v5.5c0 4.6-3.1 8-7.5 9.5-4.4-1.5-7.5-4.9-7.5-9.5V6Z"/><path d="m8.8 12 2.3 2.3 4.2-4.4"/>',
  ),
  link: icon(
    '<path d="M10 14a4 4 0 0 0 5.7 0l3-3a4 4 0 0 0-5.7-5.7l-1 1"/><path d="M14 10a4 4 0 0 0-5.7 0l-3 3a4 4 0 0 0 5.7 5.7l1-1"/>',
  ),
  stop: icon('<path d="M8 3h8l5 5v8l-5 5H8l-5-5V8Z"/><path d="M12 8v4.5"/><path d="M12 15.8v.1"/>'),
  computer: icon('<rect x="3" y="4" width="18" height="12" rx="2"/><path d="M8 20h8"/><path d="M12 16v4"/>'),
};
