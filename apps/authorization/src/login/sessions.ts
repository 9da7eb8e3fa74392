import { Injectable } from '@nestjs/common';
import { Database, type Position } from '@grantkeeper/event-store';
import { hostCookie, readCookie } from '@grantkeeper/http';
import type { TenantId } from '@grantkeeper/kernel';
import { hashSecret, newOpaqueSecret } from '@grantkeeper/tokens';
import { v7 as uuidv7 } from 'uuid';
import { AuthorizationSettings } from '../authorization-settings.ts';

/** A session as the browser presents it: not yet known to be alive. */
export interface PresentedSession {
  readonly hash: Buffer;
  /** Ties forms to the browser; says nothing about the cookie. */
  readonly holder: string;
}

/** Browser sessions at a tenant's issuer. The cookie holds 256 random bits; the database their hash. */
@Injectable()
export class Sessions {
  constructor(
    private readonly database: Database,
    private readonly settings: AuthorizationSettings,
  ) {}

  read(slug: string, cookieHeader: string | undefined): PresentedSession | undefined {
    const secret = readCookie(cookieHeader, this.#cookie(slug).name);
    if (secret === undefined || secret.length > 100) return undefined;
    const hash = hashSecret(secret);
    return { hash, holder: `session/${hash.toString('hex')}` };
  }

  /** A new session, never an old one made valid (fixation); answers its Set-Cookie value. */
  async start(
    tenantId: TenantId,
    slug: string,
    session: { userId: string; position: Position; authTime: Date; amr: readonly string[]; lifetimeSeconds: number },
  ): Promise<string> {
    const { secret, hash } = newOpaqueSecret('');
    await this.database.asTenant(tenantId, (tx) =>
      tx
        .insertInto('sessions')
        .values({
          tenant_id: tenantId,
          session_hash: hash,
          session_id: uuidv7(),
          user_id: session.userId,
          born_epoch: session.position.epoch,
          born_seq: session.position.seq,
          auth_time: session.authTime,
          amr: [...session.amr],
          expires_at: new Date(session.authTime.getTime() + session.lifetimeSeconds * 1000),
          ended_at: null,
        })
        .execute(),
    );
    return this.#cookie(slug).set(secret, session.lifetimeSeconds);
  }

  /** Ends the session for good; answers the Set-Cookie value that makes the browser forget it. */
  async end(tenantId: TenantId, slug: string, session: PresentedSession | undefined): Promise<string> {
    if (session) {
      await this.database.asTenant(tenantId, (tx) =>
        tx
          .updateTable('sessions')
          .set({ ended_at: new Date() })
          .where('tenant_id', '=', tenantId)
          .where('session_hash', '=', session.hash)
          .where('ended_at', 'is', null)
          .execute(),
      );
    }
    return this.#cookie(slug).clear();
  }

  // A name per tenant: __Host- cookies have no path, and one person may be signed in at several tenants.
  #cookie(slug: string) {
    return hostCookie(this.settings.authUrl, `gk_session_${slug}`);
  }
}
