// Registers this server with the deployment that `npm start` runs, and writes what it needs into .env.
import { readFile, writeFile } from 'node:fs/promises';

const standalone = process.env.STANDALONE ?? new URL('../../.data/standalone.json', import.meta.url);
const { adminUrl, adminKey, demo } = JSON.parse(await readFile(standalone, 'utf8'));
const url = process.env.RESOURCE ?? 'http://127.0.0.1:4000/mcp';

const TAKEN = 'urn:problem:resource.url_taken';

async function call(method, what, body) {
  const response = await fetch(`${adminUrl}/admin/v1/tenants/${demo.tenant}/${what}`, {
    method,
    headers: { authorization: `Bearer ${adminKey}`, ...(body && { 'content-type': 'application/json' }) },
    body: body && JSON.stringify(body),
  });
  const answer = await response.json();
  if (response.ok || answer.type === TAKEN) return answer;
  console.error(`${method} ${what}: ${answer.detail ?? answer.title} (${answer.type})`);
  process.exit(1);
}

/** The resource of this URL, which is for ever: another run finds that of the first. */
async function registered(resource) {
  const answer = await call('POST', 'resources', resource);
  if (answer.type !== TAKEN) return answer;
  for (let page, after = ''; (page = await call('GET', `resources?limit=100${after}`)); after = `&after=${page.next}`) {
    const found = page.resources.find((one) => one.url === url);
    if (found) return found;
    if (!page.next) break;
  }
  console.error(`${url} is taken. Choose another with RESOURCE=http://127.0.0.1:4001/mcp npm run setup`);
  process.exit(1);
}

const resource = await registered({
  url,
  displayName: 'Tickets',
  signingAlg: 'ES256',
  scopes: [
    { name: 'tickets:read', description: 'See your tickets', risky: false, default: true },
    { name: 'tickets:write', description: 'Add tickets for you', risky: false, default: false },
  ],
});
const point = await call('POST', 'enforcement-points', { name: 'Tickets', resource: resource.id });
const settings = { ISSUER: demo.issuer, RESOURCE: resource.url, GRANTKEEPER_CREDENTIAL: point.credential };
const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
await writeFile('.env', lines.join(''), { mode: 0o600 });
console.log(`Registered ${resource.url}. Start it with npm start, and sign in as ${demo.user.email}.`);
