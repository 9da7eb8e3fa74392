/** What a browser was answered: a page, or a redirect that it did not follow. */
export class Page {
  constructor(
    readonly url: string,
    readonly status: number,
    readonly headers: Headers,
    readonly html: string,
  ) {}

  /** Where a redirect leads. */
  get location(): URL | undefined {
    const location = this.headers.get('location');
    return location === null ? undefined : new URL(location, this.url);
  }

  /** The page's heading, as text. */
  get heading(): string | undefined {
    const found = /<h1[^>]*>(.*?)<\/h1>/s.exec(this.html)?.[1];
    return found === undefined ? undefined : textOf(found);
  }

  /** All the text of the page. */
  get text(): string {
    return textOf(this.html);
  }

  /** Address, hidden fields and ticked boxes of the form that is posted to an address ending in `action`. */
  form(
    action: 'login' | 'consent' | 'switch-account' | 'sign-out',
  ): { action: string; fields: Record<string, string> } | undefined {
    for (const [, target = '', attributes = '', body = ''] of this.html.matchAll(
      /<form method="post" action="([^"]*)"([^>]*)>(.*?)<\/form>/gs,
    )) {
      if (!target.endsWith(`/${action}`)) continue;
      const hidden = [...body.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)];
      const id = / id="([^"]*)"/.exec(attributes)?.[1] ?? 'none';
      const ticked = this.html.matchAll(
        /<input type="checkbox" form="([^"]*)" id="[^"]*" name="([^"]*)" value="([^"]*)" checked/g,
      );
      for (const [, form, name = '', value = ''] of ticked) if (form === id) hidden.push(['', name, value] as never);
      return {
        action: unescaped(target),
        fields: Object.fromEntries(hidden.map(([, name = '', value = '']) => [unescaped(name), unescaped(value)])),
      };
    }
    return undefined;
  }
}

function textOf(html: string): string {
  // Where a long word may be broken it is one word still.
  return unescaped(html.replaceAll('<wbr>', '').replace(/<[^>]*>/g, ' '))
    .replace(/\s+/g, ' ')
    .trim();
}

function unescaped(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replace(/&#(?:39|x27);/gi, "'")
    .replaceAll('&amp;', '&');
}
