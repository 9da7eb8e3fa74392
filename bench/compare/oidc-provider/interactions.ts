import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Provider } from 'oidc-provider';

/** Pages and answers for login (by name alone: how people prove who they are is not compared) and consent. */
export class Interactions {
  readonly #provider: Provider;

  constructor(provider: Provider) {
    this.#provider = provider;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      if (request.method === 'POST') await this.#submit(request, response);
      else await this.#show(request, response);
    } catch (error) {
      response.writeHead(500, { 'content-type': 'text/plain' }).end(String(error));
    }
  }

  async #show(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { uid, prompt, params } = await this.#provider.interactionDetails(request, response);
    const client = await this.#provider.Client.find(String(params['client_id']));
    const asked = prompt.name === 'login' ? '<input name="login" autofocus>' : scopesOf(prompt.details);
    const html = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${prompt.name}</title></head>
<body><h1>${escape(client?.clientName ?? '')}</h1><p>${escape(String(params['redirect_uri']))}</p>
<form method="post" action="/interaction/${uid}">${asked}<button>Continue</button></form></body></html>`;
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' }).end(html);
  }

  async #submit(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { prompt, params, session, grantId } = await this.#provider.interactionDetails(request, response);
    const form = new URLSearchParams(await text(request));
    if (prompt.name === 'login') {
      const accountId = form.get('login') ?? '';
      await this.#provider.interactionFinished(request, response, { login: { accountId } });
      return;
    }
    const known = grantId === undefined ? undefined : await this.#provider.Grant.find(grantId);
    const grant =
      known ?? new this.#provider.Grant({ accountId: session!.accountId, clientId: String(params['client_id']) });
    const { missingOIDCScope, missingResourceScopes } = prompt.details as {
      missingOIDCScope?: string[];
      missingResourceScopes?: Record<string, string[]>;
    };
    if (missingOIDCScope) grant.addOIDCScope(missingOIDCScope.join(' '));
    for (const [resource, scopes] of Object.entries(missingResourceScopes ?? {}))
      grant.addResourceScope(resource, scopes.join(' '));
    const consent = { grantId: await grant.save() };
    await this.#provider.interactionFinished(request, response, { consent }, { mergeWithLastSubmission: true });
  }
}

function scopesOf(details: unknown): string {
  const { missingResourceScopes } = details as { missingResourceScopes?: Record<string, string[]> };
  const scopes = Object.values(missingResourceScopes ?? {}).flat();
  return `<ul>${scopes.map((scope) => `<li>${escape(scope)}</li>`).join('')}</ul>`;
}

function escape(value: string): string {
  return value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
