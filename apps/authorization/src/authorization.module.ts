import { type DynamicModule, Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { ClientDocuments, ClientKeys, RemoteDocuments } from '@grantkeeper/client-documents';
import { Database } from '@grantkeeper/event-store';
import { Clock } from '@grantkeeper/kernel';
import { Budgets } from '@grantkeeper/limits';
import { OutboundClient } from '@grantkeeper/outbound';
import { RevocationModule } from '@grantkeeper/revocation';
import { AuthorizationSettings } from './authorization-settings.ts';
import { AnsweredFormsController } from './authorize/answered-forms.controller.ts';
import { AuthorizeController } from './authorize/authorize.controller.ts';
import { Authorizing } from './authorize/authorizing.ts';
import { ClientRequests } from './authorize/client-requests.ts';
import { Codes } from './authorize/codes.ts';
import { FormSeal } from './authorize/form-seal.ts';
import { documentFetchesWithin } from './client-documents/document-fetches.ts';
import { ParController } from './authorize/par.controller.ts';
import { ConsentPages } from './consent/consent-page.ts';
import { ConsentController } from './consent/consent.controller.ts';
import { GrantConsentHandler } from './consent/grant-consent.handler.ts';
import { DiscoveryController } from './discovery/discovery.controller.ts';
import { Issuers } from './discovery/issuer.ts';
import { KnownDevices } from './login/known-devices.ts';
import { IntrospectController } from './introspect/introspect.controller.ts';
import { LoginAttempts } from './login/login-attempts.ts';
import { LoginPages } from './login/login-page.ts';
import { LoginController } from './login/login.controller.ts';
import { Sessions } from './login/sessions.ts';
import { LogoutController } from './logout/logout.controller.ts';
import { PageAssetsController } from './page-assets.controller.ts';
import { RegisterController } from './register/register.controller.ts';
import { RegistrationLimits } from './register/registration-limits.ts';
import { RegistrationManagement } from './register/registration-management.ts';
import { Registrations } from './register/registrations.ts';
import { RevokeController } from './revoke/revoke.controller.ts';
import { LongPolls } from './signals/long-poll.ts';
import { SignalCallers } from './signals/signal-callers.ts';
import { StreamManagementController } from './signals/stream-management.controller.ts';
import { SignalStreamsController } from './signals/streams.controller.ts';
import { TransmitterController } from './signals/transmitter.controller.ts';
import { UnprovenSignalCalls } from './signals/unproven-signal-calls.ts';
import { AuthorizationCodeExchange } from './token/authorization-code.exchange.ts';
import { ClientAssertions } from './token/client-assertions.ts';
import { ClientAuthentication } from './token/client-authentication.ts';
import { ClientTokenLimits } from './token/client-token-limits.ts';
import { ClientCredentialsExchange } from './token/client-credentials.exchange.ts';
import { DpopProofs } from './token/dpop-proofs.ts';
import { OwnAccessTokens } from './token/own-access-tokens.ts';
import { RefreshTokenExchange } from './token/refresh-token.exchange.ts';
import { TokenResponses } from './token/token-response.ts';
import { UnprovenRequests } from './token/unproven-requests.ts';
import { TokenController } from './token/token.controller.ts';
import { UserInfoController } from './userinfo/userinfo.controller.ts';

export { notFoundPage, securityHeaders, stylesheetPath } from './pages/index.ts';

/** Paths of this service that web pages of any origin may call (AS-38); the authorization endpoint is not one (AS-37). */
export const OPEN_PATHS =
  /^\/(\.well-known\/(oauth-authorization-server|openid-configuration)\/|t\/[^/]+\/(\.well-known\/openid-configuration|jwks|register(\/[^/]+)?|par|token|revoke|userinfo)$)/;

/** The OAuth 2.1 authorization server of every tenant. */
@Module({})
export class AuthorizationModule {
  static register(settings: { authUrl: string; adminUrl: string }): DynamicModule {
    return {
      module: AuthorizationModule,
      imports: [CqrsModule, RevocationModule],
      controllers: [
        DiscoveryController,
        RegisterController,
        AuthorizeController,
        ParController,
        LoginController,
        AnsweredFormsController,
        ConsentController,
        TokenController,
        RevokeController,
        UserInfoController,
        IntrospectController,
        LogoutController,
        PageAssetsController,
        TransmitterController,
        SignalStreamsController,
        StreamManagementController,
      ],
      providers: [
        { provide: AuthorizationSettings, useValue: new AuthorizationSettings(settings) },
        Issuers,
        Registrations,
        RegistrationManagement,
        Authorizing,
        ClientRequests,
        Codes,
        FormSeal,
        Sessions,
        KnownDevices,
        LoginAttempts,
        RegistrationLimits,
        UnprovenRequests,
        LoginPages,
        ConsentPages,
        GrantConsentHandler,
        AuthorizationCodeExchange,
        RefreshTokenExchange,
        ClientCredentialsExchange,
        ClientTokenLimits,
        TokenResponses,
        OwnAccessTokens,
        ClientAuthentication,
        ClientAssertions,
        {
          provide: RemoteDocuments,
          inject: [Database, OutboundClient, Clock, Budgets],
          useFactory: (database: Database, outbound: OutboundClient, clock: Clock, budgets: Budgets) =>
            new RemoteDocuments(database, outbound, clock, documentFetchesWithin(budgets)),
        },
        {
          provide: ClientDocuments,
          inject: [RemoteDocuments],
          useFactory: (documents: RemoteDocuments) => new ClientDocuments(documents),
        },
        {
          provide: ClientKeys,
          inject: [RemoteDocuments],
          useFactory: (documents: RemoteDocuments) => new ClientKeys(documents),
        },
        DpopProofs,
        SignalCallers,
        LongPolls,
        UnprovenSignalCalls,
      ],
    };
  }
}
