import { Injectable } from '@nestjs/common';
import { Database } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import { clientDisplay, redirectHost } from '@grantkeeper/oauth';
import { v7 as uuidv7 } from 'uuid';
import type { Asked } from './authorizing.ts';
import { PageError } from './page-error.ts';

/** Requests expire, and few wait at a time: whoever makes people's browsers come here floods nobody (CIMD-23). */
const EXPIRES_AFTER_DAYS = 30;
const MOST_OF_TENANT = 500;
const MOST_OF_PERSON = 10;

/** Asks the admins of a tenant about a client that they have to approve first. */
@Injectable()
export class ClientRequests {
  constructor(private readonly database: Database) {}

  /** Makes or repeats the request of whoever is signed in, and answers the page that tells them so. */
  async ask(tenantId: TenantId, { redirect, context }: Asked): Promise<PageError> {
    // Addresses of people, and nothing that an admin decides on.
    const { contacts: _contacts, ...metadata } = redirect.metadata;
    const { outcome } = await this.database.call<{ outcome: 'asked' | 'refused' | 'full' }>(
      'request_client',
      tenantId,
      {
        requestId: uuidv7(),
        clientId: redirect.clientId,
        kind: redirect.kind,
        metadata,
        metadataDigest: redirect.metadataDigest,
        subjects: redirect.subjects,
        userId: context.session?.userId,
        days: EXPIRES_AFTER_DAYS,
        mostOfTenant: MOST_OF_TENANT,
        mostOfUser: MOST_OF_PERSON,
      },
    );
    const { name, nameVerified } = clientDisplay(redirect);
    const app = { name, nameVerified, redirectHost: redirectHost(redirect.redirectUri) };
    switch (outcome) {
      case 'asked':
        return new PageError('client_asked', undefined, app);
      case 'refused':
        return new PageError('client_refused', undefined, app);
      case 'full':
        return new PageError('client_requests_full', undefined, app);
    }
  }
}
