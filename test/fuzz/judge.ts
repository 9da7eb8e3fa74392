import type { FuzzRequest } from './requests.ts';
import type { FuzzAnswer } from './send.ts';
import type { World } from './world.ts';

const TRACES = [
  /\bat (\S+ )?\(?(file:|node:|\/)\S+:\d+:\d+/,
  /node_modules/,
  /\.(ts|js|mjs):\d+/,
  /\b(TypeError|ReferenceError|RangeError|SyntaxError|DatabaseError)\b/,
  /\b(relation|column|function|constraint) "/,
  /\b(SELECT|INSERT INTO|UPDATE) \w+/,
  /Cannot read propert/,
];

/** What is wrong with the answer to a request, whatever the request was; empty when nothing is. */
export function faultsOf(world: World, request: FuzzRequest, answer: FuzzAnswer): string[] {
  const { status, headers, body } = answer;
  const faults: string[] = [];
  if (status < 200 || status >= 500) faults.push(`answered ${status}`);
  const asked = JSON.stringify(request) + decoded(request);
  const said = body + JSON.stringify(headers);
  for (const trace of TRACES) {
    const [found] = trace.exec(said) ?? [];
    if (found !== undefined && !asked.includes(found)) faults.push(`shows its inside: ${found.slice(0, 120)}`);
  }
  for (const secret of world.secrets) {
    if (secret !== '' && said.includes(secret) && !asked.includes(secret)) faults.push('tells a secret');
  }
  const { location } = headers;
  if (location !== undefined && !isProven(world, location)) faults.push(`redirects to ${location.slice(0, 200)}`);
  if (/[\r\n]/.test(Object.values(headers).join(''))) faults.push('has a line break in a header');
  return faults;
}

/** Our own pages, and the redirect URI that the tenant's clients have registered. */
function isProven({ side, product }: World, location: string): boolean {
  const { authUrl } = product.summary;
  if (location.startsWith('/') && !location.startsWith('//') && !location.startsWith('/\\')) return true;
  if (!URL.canParse(location)) return false;
  const url = new URL(location);
  return url.origin === authUrl || `${url.origin}${url.pathname}` === side.client.redirectUri;
}

function decoded({ target, body }: FuzzRequest): string {
  return [target, body ?? '']
    .map((text) =>
      text
        .replaceAll('+', ' ')
        .replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    )
    .join(' ');
}
