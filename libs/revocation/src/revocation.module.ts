import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { RemoveClientHandler } from './remove-client.handler.ts';
import { RevokeAccessHandler } from './revoke-access.handler.ts';
import { ResumeAccessHandler, SuspendAccessHandler } from './suspend-access.handler.ts';

/** Carries out revocations and suspensions, for whichever service is told of them. */
@Module({
  imports: [CqrsModule],
  providers: [RevokeAccessHandler, SuspendAccessHandler, ResumeAccessHandler, RemoveClientHandler],
})
export class RevocationModule {}
