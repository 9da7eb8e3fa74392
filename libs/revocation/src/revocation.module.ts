import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { RevokeAccessHandler } from './revoke-access.handler.ts';

/** Carries out revocations, for whichever service is told of them. */
@Module({ imports: [CqrsModule], providers: [RevokeAccessHandler] })
export class RevocationModule {}
