import { createHmac, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Position } from '@grantkeeper/event-store';
import { MasterSecrets } from '@grantkeeper/keys';

/** How long a page may stay open before its form is refused. */
const LIFETIME_SECONDS = 1800;

interface SealedForm {
  /** Where the ledger stood when the page was shown: a pending authorization is born there. */
  readonly position: Position;
  readonly expiresAt: number;
  /** The version of the client's metadata that the page showed. */
  readonly shown: string;
}

/**
 * Ties a form to the browser that it was shown to and to the request that it is about, so that nobody can post it from
 * elsewhere, or for another request. `holder` is what only that browser has (a session or a login cookie).
 */
@Injectable()
export class FormSeal {
  constructor(private readonly secrets: MasterSecrets) {}

  seal(
    purpose: 'login' | 'consent' | 'logout',
    holder: string,
    request: string,
    position: Position,
    now: Date,
    shown = '',
  ): string {
    const expiresAt = Math.floor(now.getTime() / 1000) + LIFETIME_SECONDS;
    const body = `${this.secrets.current}.${position.epoch}.${position.seq}.${expiresAt}.${shown}`;
    return `${body}.${this.#mac(this.secrets.current, purpose, holder, request, body)!.toString('base64url')}`;
  }

  /** What was sealed, or undefined when the form is another's, another request's, expired or made up. */
  open(
    seal: string,
    purpose: 'login' | 'consent' | 'logout',
    holder: string,
    request: string,
    now: Date,
  ): SealedForm | undefined {
    const match = /^((\d{1,6})\.(\d{1,10})\.(\d{1,15})\.(\d{1,12})\.([A-Za-z0-9_-]{0,64}))\.([A-Za-z0-9_-]{43})$/.exec(
      seal,
    );
    if (!match) return undefined;
    const [, body, version, epoch, seq, expiresAt, shown = '', mac] = match;
    const expected = this.#mac(Number(version), purpose, holder, request, body!);
    if (!expected || !timingSafeEqual(expected, Buffer.from(mac!, 'base64url'))) return undefined;
    if (Number(expiresAt) * 1000 <= now.getTime()) return undefined;
    return { position: { epoch: Number(epoch), seq: Number(seq) }, expiresAt: Number(expiresAt), shown };
  }

  #mac(version: number, purpose: string, holder: string, request: string, body: string): Buffer | undefined {
    const secret = this.secrets.derive('form-seal', version);
    // Lengths first, so that no two different triples make the same text.
    return (
      secret &&
      createHmac('sha256', secret)
        .update(JSON.stringify([purpose, holder, request, body]))
        .digest()
    );
  }
}
