// Registers this server with the deployment that `npm start` runs, and writes what it needs into .env.
import { readFile, writeFile } from 'node:fs/promises';

const standalone = process.env.STANDALONE ?? new URL('../../.data/standalone.json', import.meta.url);
const { adminUrl, adminKey, demo } = JSON.parse(await readFile(standalone, 'utf8'));
const url = process.env.RESOURCE ?? 'http://127.0.0.1:4000/mcp';

async function create(what, body) {
  const response = await fetch(`${adminUrl}/admin/v1/tenants/${demo.tenant}/${what}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${what}: ${await response.text()}`);
  return response.json();
}

const resource = await create('resources', {
  url,
  displayName: 'Tickets',
  signingAlg: 'ES256',
  scopes: [
    { name: 'tickets:read', description: 'See your tickets', risky: false, default: true },
    { name: 'tickets:write', description: 'Add tickets for you', risky: false, default: false },
  ],
});
const point = await create('enforcement-points', { name: 'Tickets', resource: resource.id });
const settings = { ISSUER: demo.issuer, RESOURCE: resource.url, GRANTKEEPER_CREDENTIAL: point.credential };
const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
await writeFile('.env', lines.join(''), { mode: 0o600 });
console.log(`Registered ${resource.url}. Start it with npm start, and sign in as ${demo.user.email}.`);
