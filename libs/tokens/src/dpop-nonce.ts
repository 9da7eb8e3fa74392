import { createHmac, timingSafeEqual } from 'node:crypto';
import type { MasterSecrets } from '@grantkeeper/keys';

/** How long, in seconds, one nonce is given out; it is accepted for as long again. */
const SLOT = 120;

/**
 * The nonces that DPoP proofs must contain where a policy wants it (RFC 9449 §8, §9): they bound how far ahead a proof can
 * have been made. Derived from the time under a secret of the deployment: nothing is stored, and every copy gives out and
 * accepts the same ones.
 */
export class DpopNonces {
  constructor(private readonly secrets: MasterSecrets) {}

  /** The nonce of this moment for `place`: an endpoint of a tenant, in whatever words. */
  current(place: string, now: Date): string {
    const version = this.secrets.current;
    return this.#at(version, place, slotOf(now))!;
  }

  /** Whether the nonce was given out at `place` at most four minutes ago; a copy whose clock is ahead may have done so. */
  accepts(nonce: string, place: string, now: Date): boolean {
    const version = /^(\d{1,6})\.[A-Za-z0-9_-]{22}$/.exec(nonce)?.[1];
    if (version === undefined) return false;
    const slot = slotOf(now);
    return [slot, slot - 1, slot + 1].some((candidate) => {
      const expected = this.#at(Number(version), place, candidate);
      return expected?.length === nonce.length && timingSafeEqual(Buffer.from(expected), Buffer.from(nonce));
    });
  }

  #at(version: number, place: string, slot: number): string | undefined {
    const secret = this.secrets.derive('dpop-nonce', version);
    const mac =
      secret &&
      createHmac('sha256', secret)
        .update(JSON.stringify([place, slot]))
        .digest();
    return mac && `${version}.${mac.subarray(0, 16).toString('base64url')}`;
  }
}

function slotOf(now: Date): number {
  return Math.floor(now.getTime() / 1000 / SLOT);
}
