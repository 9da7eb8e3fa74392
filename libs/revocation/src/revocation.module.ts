import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { RemoveClientHandler } from './remove-client.handler.ts';
import { RevokeAccessHandler } from './revoke-access.handler.ts';

/** Carries out revocations, for whichever service is told of them. */
@Module({ imports: [CqrsModule], providers: [RevokeAccessHandler, RemoveClientHandler] })
export class RevocationModule {}
