import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { StandaloneSettings } from '@grantkeeper/config';
import { CommandBus } from '@nestjs/cqrs';
import type { Actor } from '@grantkeeper/domain';
import { type AdminKeys, CreateUser, OnboardTenant } from '@grantkeeper/ledger-app';
import type { Platform } from '@grantkeeper/platform';
import { SYSTEM_TENANT, type TenantId } from '@grantkeeper/kernel';
import { hashPassword } from '@grantkeeper/tokens';
import type { StandaloneSummary } from '../standalone.ts';
import { checkAddresses } from './check-addresses.ts';

const SLUG = 'acme';
const EMAIL = 'ada@acme.example';
const NAME = 'Ada Lovelace';
const ACTOR: Actor = { kind: 'system', id: 'standalone' };

type Known = Partial<StandaloneSummary>;

/**
 * Makes what a first look needs, once: an operator's key and the tenant `acme` with a person. Secrets that an earlier
 * start has written to standalone.json stay as they are; lost ones are replaced. Rejects with a `StartupError` when the
 * tenant was made for other addresses than those of `settings`.
 */
export async function ensureDemo(
  platform: Platform,
  commands: CommandBus,
  keys: AdminKeys,
  { dataDir, authUrl, mcpUrl }: StandaloneSettings,
): Promise<Pick<StandaloneSummary, 'adminKey' | 'demo'>> {
  const known = await readKnown(dataDir);
  const existing = await platform.directory.find(SLUG);
  if (existing) checkAddresses(await urlsOf(platform, existing), { authUrl, mcpUrl, dataDir });
  const adminKey = await ensureOperatorKey(keys, known.adminKey);
  const tenantId =
    existing ?? (await commands.execute(new OnboardTenant({ slug: SLUG, displayName: 'Acme', actor: ACTOR }))).id;
  const password = await ensurePerson(platform, commands, tenantId, known.demo?.user?.password);
  const { issuer, resource } = await urlsOf(platform, tenantId);
  return { adminKey, demo: { tenant: SLUG, issuer, resource, user: { email: EMAIL, password } } };
}

function urlsOf(platform: Platform, tenantId: TenantId): Promise<{ issuer: string; resource: string }> {
  return platform.database.asTenant(tenantId, async (tx) => ({
    issuer: (await tx.selectFrom('issuers').select('url').where('tenant_id', '=', tenantId).executeTakeFirstOrThrow())
      .url,
    resource: (
      await tx
        .selectFrom('resources')
        .select('url')
        .where('tenant_id', '=', tenantId)
        .where('is_default', '=', true)
        .executeTakeFirstOrThrow()
    ).url,
  }));
}

async function readKnown(dataDir: string): Promise<Known> {
  try {
    return JSON.parse(await readFile(join(dataDir, 'standalone.json'), 'utf8')) as Known;
  } catch {
    return {};
  }
}

async function ensureOperatorKey(keys: AdminKeys, known: string | undefined): Promise<string> {
  if (known !== undefined && (await works(keys, known))) return known;
  return (await keys.create(SYSTEM_TENANT, 'standalone', ACTOR)).key;
}

async function works(keys: AdminKeys, key: string): Promise<boolean> {
  try {
    await keys.authenticate(keys.read(`Bearer ${key}`));
    return true;
  } catch {
    return false;
  }
}

async function ensurePerson(
  platform: Platform,
  commands: CommandBus,
  tenantId: TenantId,
  known: string | undefined,
): Promise<string> {
  const index = await platform.tenantKeys.emailIndex(tenantId, EMAIL);
  const holder = await platform.database.asTenant(tenantId, (tx) =>
    tx
      .selectFrom('unique_facts')
      .select('holder')
      .where('tenant_id', '=', tenantId)
      .where('kind', '=', 'user.email')
      .where('value', '=', index)
      .executeTakeFirst(),
  );
  if (holder && known !== undefined) return known;
  const password = randomBytes(9).toString('base64url');
  if (!holder) {
    await commands.execute(
      new CreateUser(tenantId, {
        email: EMAIL,
        emailVerified: false,
        name: NAME,
        password,
        role: 'member',
        actor: ACTOR,
      }),
    );
    return password;
  }
  const hash = await hashPassword(password);
  await platform.database.asTenant(tenantId, (tx) =>
    tx
      .updateTable('passwords')
      .set({ hash, changed_at: new Date().toISOString() })
      .where('tenant_id', '=', tenantId)
      .where('user_id', '=', holder.holder)
      .execute(),
  );
  return password;
}
