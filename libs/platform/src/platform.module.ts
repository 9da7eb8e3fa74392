import { type DynamicModule, Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { Database, EventStore, TenantDirectory } from '@grantkeeper/event-store';
import { KeyProvider, MasterSecrets, PersonalData, SigningKeys, TenantKeys, VerificationKeys } from '@grantkeeper/keys';
import { Clock } from '@grantkeeper/kernel';
import { Budgets } from '@grantkeeper/limits';
import { OutboundClient } from '@grantkeeper/outbound';
import { Queues } from '@grantkeeper/queue';
import { AccessTokens, DpopNonces, IdTokens, IntrospectionTokens, RefreshTokens } from '@grantkeeper/tokens';
import type { Platform } from './platform.ts';

/** Makes the parts of a platform injectable everywhere in a process. */
@Module({})
export class PlatformModule {
  static of(platform: Platform): DynamicModule {
    const providers = [
      { provide: Clock, useValue: platform.clock },
      { provide: Database, useValue: platform.database },
      { provide: TenantDirectory, useValue: platform.directory },
      { provide: MasterSecrets, useValue: platform.secrets },
      { provide: KeyProvider, useValue: platform.keyProvider },
      { provide: TenantKeys, useValue: platform.tenantKeys },
      { provide: PersonalData, useValue: platform.personalData },
      { provide: SigningKeys, useValue: platform.signingKeys },
      { provide: VerificationKeys, useValue: platform.verificationKeys },
      { provide: EventStore, useValue: platform.eventStore },
      { provide: AccessTokens, useValue: platform.accessTokens },
      { provide: IdTokens, useValue: platform.idTokens },
      { provide: IntrospectionTokens, useValue: platform.introspectionTokens },
      { provide: RefreshTokens, useValue: platform.refreshTokens },
      { provide: DpopNonces, useValue: platform.dpopNonces },
      { provide: OutboundClient, useValue: platform.outbound },
      { provide: Budgets, useValue: platform.budgets },
      { provide: Queues, useValue: platform.queues },
    ];
    return { module: PlatformModule, global: true, imports: [CqrsModule.forRoot()], providers, exports: providers };
  }
}
