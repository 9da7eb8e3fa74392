import type { EventConsumer, EventContext, LedgerEvent } from '@grantkeeper/consumers';

/**
 * Ends the sessions of a person who is signed out or whose access has been revoked, or of everyone of a tenant. Their
 * cookies are dead already, by their watermark; this makes the rows say so and lets them be swept.
 */
export class SessionEnder implements EventConsumer {
  readonly name = 'session-ender';
  readonly effects = 'inward';
  readonly onFailure = 'block';
  readonly handles: ReadonlySet<string> = new Set(['UserAccessRevoked', 'UserSignedOut', 'TenantAccessRevoked']);

  async apply(event: LedgerEvent, { tx }: EventContext): Promise<void> {
    let sessions = tx
      .updateTable('sessions')
      .set({ ended_at: event.recordedAt })
      .where('tenant_id', '=', event.tenantId)
      .where('ended_at', 'is', null)
      // Who signed in again after the revocation stays signed in, however late this runs.
      .where('born_seq', '<', event.seq);
    if (event.type !== 'TenantAccessRevoked') {
      const { userId } = event.payload;
      if (typeof userId !== 'string') throw new TypeError(`${event.type} names a userId.`);
      sessions = sessions.where('user_id', '=', userId);
    }
    await sessions.execute();
  }
}
