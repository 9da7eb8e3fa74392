import { Page } from './page.ts';

/** Someone with a browser: keeps cookies, fills in the login form, and decides on the consent page. */
export class Person {
  readonly #cookies = new Map<string, string>();

  constructor(
    readonly email: string,
    readonly password: string,
    /** Where the browser is, for a product that trusts one proxy. */
    readonly address?: string,
  ) {}

  /** The same person at another computer. */
  elsewhere(address = this.address): Person {
    return new Person(this.email, this.password, address);
  }

  /** What the browser sends back, as a Cookie header. */
  get cookies(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  async open(url: string | URL): Promise<Page> {
    return this.#request(String(url), { method: 'GET' });
  }

  async post(url: string, fields: Record<string, string>): Promise<Page> {
    return this.#request(url, { method: 'POST', body: new URLSearchParams(fields) });
  }

  /** Posts the login form of `page`, and opens what follows when that worked. */
  async signIn(page: Page, typed: { email?: string; password?: string } = {}): Promise<Page> {
    const form = page.form('login');
    if (!form) throw new Error(`There is no login form at ${page.url}: ${page.status} ${page.heading ?? ''}`);
    const answer = await this.post(form.action, {
      ...form.fields,
      email: this.email,
      password: this.password,
      ...typed,
    });
    return answer.location ? this.open(answer.location) : answer;
  }

  /** Posts the consent form of `page`. */
  async decide(page: Page, decision: 'approve' | 'refuse'): Promise<Page> {
    const form = page.form('consent');
    if (!form) throw new Error(`There is no consent form at ${page.url}: ${page.status} ${page.heading ?? ''}`);
    return this.post(form.action, { ...form.fields, decision });
  }

  /** Opens an authorization request and does what the pages ask for; answers where the browser is sent at last. */
  async authorize(url: string | URL, decision: 'approve' | 'refuse' = 'approve'): Promise<URL> {
    let page = await this.open(url);
    if (page.form('login')) page = await this.signIn(page);
    if (page.form('consent')) page = await this.decide(page, decision);
    if (!page.location) throw new Error(`The client got no answer: ${page.status} ${page.text}`);
    return page.location;
  }

  async #request(url: string, init: RequestInit): Promise<Page> {
    const cookie = this.cookies;
    const headers = { ...(cookie && { cookie }), ...(this.address && { 'x-forwarded-for': this.address }) };
    const response = await fetch(url, { ...init, redirect: 'manual', headers });
    for (const set of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
      if (/Max-Age=0\b/.test(set)) this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    return new Page(url, response.status, response.headers, await response.text());
  }
}
