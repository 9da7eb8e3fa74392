import { type DynamicModule, Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { ClientDocuments, RemoteDocuments } from '@grantkeeper/client-documents';
import { Database } from '@grantkeeper/event-store';
import { TimeTravel } from '@grantkeeper/history';
import { Clock } from '@grantkeeper/kernel';
import { OutboundClient } from '@grantkeeper/outbound';
import { RevocationModule } from '@grantkeeper/revocation';
import { AdminConsentsController } from './admin-consents/admin-consents.controller.ts';
import { GiveAdminConsentHandler } from './admin-consents/give-admin-consent.handler.ts';
import { PublishedClients } from './admin-consents/published-clients.ts';
import { WithdrawAdminConsentHandler } from './admin-consents/withdraw-admin-consent.handler.ts';
import { AdminKeys } from './access/admin-keys.ts';
import { AdminGuard } from './access/admin.guard.ts';
import { CredentialGuesses } from './access/credential-guesses.ts';
import { ClientGrantsController } from './client-grants/client-grants.controller.ts';
import { CreateClientGrantHandler } from './client-grants/create-client-grant.handler.ts';
import { ChangeClientHandler } from './clients/change-client.handler.ts';
import { ClientRulesController } from './clients/client-rules.controller.ts';
import { ClientSoftwareController } from './clients/client-software.controller.ts';
import { ClientSoftware } from './clients/client-software.queries.ts';
import { ClientsController } from './clients/clients.controller.ts';
import { ClientVersions } from './clients/client-versions.queries.ts';
import { ClientQueries } from './clients/clients.queries.ts';
import { RegisterClientHandler } from './clients/register-client.handler.ts';
import { RotateClientSecretHandler } from './clients/rotate-client-secret.handler.ts';
import { SetClientRuleHandler } from './clients/set-client-rule.handler.ts';
import { ConsentNetworks } from './cuts/consent-networks.ts';
import { CutPreview } from './cuts/cut-preview.ts';
import { CutViews } from './cuts/cut-views.ts';
import { DecideCutHandler, RequestCutHandler } from './cuts/cut.handlers.ts';
import { CutsController } from './cuts/cuts.controller.ts';
import { DeadLettersController } from './dead-letters/dead-letters.controller.ts';
import { IdempotencyKeys } from './access/idempotency-key.ts';
import { EnforcementPoints } from './enforcement-points/enforcement-points.ts';
import { EnforcementPointsController } from './enforcement-points/enforcement-points.controller.ts';
import { EventExport } from './events/event-export.ts';
import { EventsController } from './events/events.controller.ts';
import { FeedCallers } from './feed/feed-callers.ts';
import { FeedController } from './feed/feed.controller.ts';
import { FeedGauges } from './feed/feed-gauges.ts';
import { RevocationFeed } from './feed/revocation-feed.ts';
import { GrantsController } from './grants/grants.controller.ts';
import { GrantQueries } from './grants/grants.queries.ts';
import { ClientHistory } from './history/client-history.ts';
import { GrantStoryController } from './history/grant-story.controller.ts';
import { GrantStories } from './history/grant-story.queries.ts';
import { LedgerSettings } from './ledger-settings.ts';
import { ClientTokenPolicyController } from './policies/client-token-policy.controller.ts';
import { PoliciesController } from './policies/policies.controller.ts';
import { SetClientTokenPolicyHandler } from './policies/set-client-token-policy.handler.ts';
import { SetPolicyHandler } from './policies/set-policy.handler.ts';
import { ProjectionsController } from './projections/projections.controller.ts';
import { TimelineController } from './projections/timeline.controller.ts';
import { ClientRequestsController } from './registration/client-requests.controller.ts';
import {
  ApproveClientRequestHandler,
  RefuseClientRequestHandler,
} from './registration/decide-client-request.handler.ts';
import {
  IssueInitialAccessTokenHandler,
  RevokeInitialAccessTokenHandler,
} from './registration/initial-access-token.handlers.ts';
import { InitialAccessTokensController } from './registration/initial-access-tokens.controller.ts';
import { Receipts } from './receipts/receipts.ts';
import { ReceiptsController } from './receipts/receipts.controller.ts';
import { RevocationPreview } from './revocations/revocation-preview.ts';
import { RevocationsController } from './revocations/revocations.controller.ts';
import { Resources } from './resources/resources.ts';
import { ResourcesController } from './resources/resources.controller.ts';
import { SearchController } from './search/search.controller.ts';
import { RevokeSigningKeyHandler } from './signing-keys/revoke-signing-key.handler.ts';
import { SigningKeysController } from './signing-keys/signing-keys.controller.ts';
import { SuspensionsController } from './suspensions/suspensions.controller.ts';
import { SignalReceiversController } from './signal-receivers/signal-receivers.controller.ts';
import { SignalReceivers } from './signal-receivers/signal-receivers.ts';
import { AdminKeysController } from './tenants/admin-keys.controller.ts';
import { OnboardTenantHandler } from './tenants/onboard-tenant.handler.ts';
import { TenantsController } from './tenants/tenants.controller.ts';
import { CreateUserHandler } from './users/create-user.handler.ts';
import { SetEmailVerificationHandler } from './users/set-email-verification.handler.ts';
import { SignOutUserHandler } from './users/sign-out-user.handler.ts';
import { UsersController } from './users/users.controller.ts';
import { UserQueries } from './users/users.queries.ts';
import { VerificationController } from './verification/verification.controller.ts';
import { WebhookDeliveries } from './webhooks/webhook-deliveries.ts';
import { WebhooksController } from './webhooks/webhooks.controller.ts';
import { WebhookQueries } from './webhooks/webhooks.queries.ts';
import { Webhooks } from './webhooks/webhooks.ts';

/** The admin API over the ledger. */
@Module({})
export class LedgerModule {
  static register(settings: { authUrl: string; mcpUrl: string; adminUrl: string }): DynamicModule {
    return {
      module: LedgerModule,
      imports: [CqrsModule, RevocationModule],
      controllers: [
        TenantsController,
        AdminKeysController,
        UsersController,
        PoliciesController,
        ClientTokenPolicyController,
        GrantsController,
        ClientGrantsController,
        GrantStoryController,
        RevocationsController,
        ReceiptsController,
        SuspensionsController,
        CutsController,
        SigningKeysController,
        FeedController,
        EventsController,
        ClientsController,
        ClientRulesController,
        ClientSoftwareController,
        ClientRequestsController,
        InitialAccessTokensController,
        SearchController,
        TimelineController,
        ProjectionsController,
        DeadLettersController,
        VerificationController,
        EnforcementPointsController,
        ResourcesController,
        AdminConsentsController,
        WebhooksController,
        SignalReceiversController,
      ],
      providers: [
        { provide: LedgerSettings, useValue: new LedgerSettings(settings) },
        AdminKeys,
        AdminGuard,
        CredentialGuesses,
        EnforcementPoints,
        Resources,
        IdempotencyKeys,
        { provide: TimeTravel, inject: [Database], useFactory: (database: Database) => new TimeTravel(database) },
        GrantQueries,
        GrantStories,
        ClientHistory,
        ClientQueries,
        ClientVersions,
        ClientSoftware,
        RegisterClientHandler,
        ChangeClientHandler,
        RotateClientSecretHandler,
        SetClientRuleHandler,
        ApproveClientRequestHandler,
        RefuseClientRequestHandler,
        IssueInitialAccessTokenHandler,
        RevokeInitialAccessTokenHandler,
        EventExport,
        FeedCallers,
        RevocationFeed,
        FeedGauges,
        RevokeSigningKeyHandler,
        Receipts,
        RevocationPreview,
        ConsentNetworks,
        CutPreview,
        CutViews,
        RequestCutHandler,
        DecideCutHandler,
        OnboardTenantHandler,
        CreateUserHandler,
        SetEmailVerificationHandler,
        SignOutUserHandler,
        UserQueries,
        SetPolicyHandler,
        CreateClientGrantHandler,
        SetClientTokenPolicyHandler,
        {
          provide: PublishedClients,
          inject: [Database, OutboundClient, Clock],
          // Admins have proven who they are: no budget holds them up.
          useFactory: (database: Database, outbound: OutboundClient, clock: Clock) =>
            new PublishedClients(database, new ClientDocuments(new RemoteDocuments(database, outbound, clock))),
        },
        GiveAdminConsentHandler,
        WithdrawAdminConsentHandler,
        Webhooks,
        WebhookQueries,
        WebhookDeliveries,
        SignalReceivers,
      ],
      exports: [AdminKeys],
    };
  }
}

export { AdminKeys } from './access/admin-keys.ts';
export { OnboardTenant } from './tenants/onboard-tenant.handler.ts';
export { CreateUser } from './users/create-user.handler.ts';
