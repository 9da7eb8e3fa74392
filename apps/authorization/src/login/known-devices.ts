import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { hostCookie, readCookie } from '@grantkeeper/http';
import { MasterSecrets } from '@grantkeeper/keys';
import type { TenantId } from '@grantkeeper/kernel';
import { AuthorizationSettings } from '../authorization-settings.ts';

const LIFETIME_SECONDS = 180 * 86_400;

/**
 * Remembers that somebody has signed in to an account with this browser, so that an attack on the account from elsewhere
 * does not keep them out. The cookie gives no access: it only has a budget of attempts of its own.
 */
@Injectable()
export class KnownDevices {
  constructor(
    private readonly settings: AuthorizationSettings,
    private readonly secrets: MasterSecrets,
  ) {}

  /** A Set-Cookie value for a browser that has just proved the account's password. `account` is its e-mail index. */
  remember(tenantId: TenantId, slug: string, account: string, now: Date): string {
    const device = randomBytes(12).toString('base64url');
    const expiresAt = Math.floor(now.getTime() / 1000) + LIFETIME_SECONDS;
    const body = `${this.secrets.current}.${expiresAt}.${device}`;
    const mac = this.#mac(this.secrets.current, tenantId, account, body)!.toString('base64url');
    return this.#cookie(slug).set(`${body}.${mac}`, LIFETIME_SECONDS);
  }

  /** What names the device, when it is known for this very account. */
  known(tenantId: TenantId, slug: string, account: string, cookie: string | undefined, now: Date): string | undefined {
    const value = readCookie(cookie, this.#cookie(slug).name) ?? '';
    const match = /^((\d{1,6})\.(\d{1,12})\.([A-Za-z0-9_-]{16}))\.([A-Za-z0-9_-]{43})$/.exec(value);
    if (!match) return undefined;
    const [, body, version, expiresAt, device, mac] = match;
    const expected = this.#mac(Number(version), tenantId, account, body!);
    if (!expected || !timingSafeEqual(expected, Buffer.from(mac!, 'base64url'))) return undefined;
    return Number(expiresAt) * 1000 > now.getTime() ? device : undefined;
  }

  #mac(version: number, tenantId: TenantId, account: string, body: string): Buffer | undefined {
    const secret = this.secrets.derive('known-device', version);
    return (
      secret &&
      createHmac('sha256', secret)
        .update(JSON.stringify([tenantId, account, body]))
        .digest()
    );
  }

  #cookie(slug: string) {
    return hostCookie(this.settings.authUrl, `gk_device_${slug}`);
  }
}
