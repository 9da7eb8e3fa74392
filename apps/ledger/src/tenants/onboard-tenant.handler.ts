import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import {
  type Actor,
  defaultPolicy,
  issuerEstablished,
  policySet,
  resourceAdded,
  type ResourceScope,
  signingKeyCreated,
  tenantAdmitted,
  tenantOnboarded,
} from '@grantkeeper/domain';
import { type AppendInput, type CommandIdentity, EventStore, once, TenantDirectory } from '@grantkeeper/event-store';
import { SigningKeys, TenantKeys } from '@grantkeeper/keys';
import { DomainError, SYSTEM_TENANT, tenantId as toTenantId, type TenantId } from '@grantkeeper/kernel';
import { v7 as uuidv7 } from 'uuid';
import { LedgerSettings } from '../ledger-settings.ts';
import { boardScopes } from './default-resource.ts';

export interface OnboardTenantInput {
  readonly slug: string;
  readonly displayName: string;
  /** Defaults to the hosted *boards* server. */
  readonly resource?:
    { readonly displayName?: string | undefined; readonly scopes?: readonly ResourceScope[] | undefined } | undefined;
  /** Hosts of the tenant's own, instead of paths under the deployment's. */
  readonly hosts?: { readonly issuer?: string | undefined; readonly resource?: string | undefined } | undefined;
  readonly actor: Actor;
  readonly origin?: AppendInput['origin'];
  readonly command?: CommandIdentity | undefined;
}

export interface OnboardedTenant {
  readonly id: TenantId;
  readonly slug: string;
  readonly displayName: string;
  readonly issuer: string;
  readonly resource: string;
}

/** Makes a tenant whole: issuer, signing keys, default resource and policy, in one commit. */
export class OnboardTenant extends Command<OnboardedTenant> {
  constructor(readonly input: OnboardTenantInput) {
    super();
  }
}

@CommandHandler(OnboardTenant)
export class OnboardTenantHandler implements ICommandHandler<OnboardTenant> {
  constructor(
    private readonly store: EventStore,
    private readonly tenantKeys: TenantKeys,
    private readonly signingKeys: SigningKeys,
    private readonly directory: TenantDirectory,
    private readonly settings: LedgerSettings,
  ) {}

  async execute({ input }: OnboardTenant): Promise<OnboardedTenant> {
    const { command } = input;
    // An operator's command is kept in the system's ledger.
    return once(this.store, SYSTEM_TENANT, command, async () => {
      const id = toTenantId(uuidv7());
      const { slug, displayName, actor, hosts = {} } = input;
      this.#refuseOwnHosts(Object.values(hosts));
      const onboarded: OnboardedTenant = {
        id,
        slug,
        displayName,
        issuer: hosts.issuer === undefined ? `${this.settings.authUrl}/t/${slug}` : `https://${hosts.issuer}`,
        resource: `${hosts.resource === undefined ? `${this.settings.mcpUrl}/t/${slug}` : `https://${hosts.resource}`}/mcp`,
      };
      const keys = await Promise.all([this.signingKeys.create(id, 'ES256'), this.signingKeys.create(id, 'RS256')]);
      const issuerId = uuidv7();
      const resourceId = uuidv7();
      // An operator's act is in the system's ledger too; both ledgers get it or neither, as one act.
      const correlationId = uuidv7();
      await this.store.appendTogether([
        {
          tenantId: SYSTEM_TENANT,
          actor,
          correlationId,
          events: [tenantAdmitted.on(id, { tenantId: id, slug, displayName })],
          ...(command && { command: { ...command, result: onboarded } }),
        },
        {
          tenantId: id,
          actor,
          origin: input.origin,
          correlationId,
          create: true,
          events: [
            tenantOnboarded.on(id, { tenantId: id, slug, displayName }),
            issuerEstablished.on(issuerId, { issuerId, owner: 'tenant', url: onboarded.issuer }),
            resourceAdded.on(resourceId, {
              resourceId,
              owner: 'tenant',
              kind: 'hosted',
              slug: 'mcp',
              url: onboarded.resource,
              displayName: input.resource?.displayName ?? `${displayName} boards`,
              signingAlg: 'ES256',
              scopes: [...(input.resource?.scopes ?? boardScopes)],
              isDefault: true,
            }),
            policySet.on(id, { settings: defaultPolicy }),
            ...keys.map(({ kid, alg, publicJwk }) =>
              signingKeyCreated.on(kid, { kid, use: 'access_token', alg, state: 'active', publicJwk }),
            ),
          ],
          rows: {
            tenant_directory: [{ slug, tenant_id: id }],
            tenant_hosts: hostRows(id, slug, hosts),
            tenant_keys: [await this.tenantKeys.create(id)],
            sealed_signing_keys: keys.map((key) => key.sealed),
          },
        },
      ]);
      this.directory.forgetMisses();
      return onboarded;
    });
  }

  /** Whoever has a host of the deployment's would have everyone's pages. */
  #refuseOwnHosts(hosts: readonly (string | undefined)[]): void {
    const own = [this.settings.authUrl, this.settings.mcpUrl, this.settings.adminUrl].map(
      (url) => new URL(url).hostname,
    );
    const taken = hosts.find((host) => host !== undefined && own.includes(host));
    if (taken !== undefined) {
      throw new DomainError('tenant.host_reserved', `${taken} is a host of the deployment.`, 'conflict', 'hosts');
    }
  }
}

function hostRows(tenantId: TenantId, slug: string, { issuer, resource }: NonNullable<OnboardTenantInput['hosts']>) {
  const hosts = new Set([issuer, resource].filter((host) => host !== undefined));
  return [...hosts].map((host) => ({
    host,
    tenant_id: tenantId,
    slug,
    issuer: host === issuer,
    resource: host === resource,
  }));
}
