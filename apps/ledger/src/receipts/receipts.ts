import { Injectable } from '@nestjs/common';
import { Database } from '@grantkeeper/event-store';
import { type SigningAlg, SigningKeys } from '@grantkeeper/keys';
import type { TenantId } from '@grantkeeper/kernel';
import { type Receipt, ReceiptReader, type ReceiptSubject, type RevocationResult } from '@grantkeeper/revocation';
import { ReceiptTokens } from '@grantkeeper/tokens';

/** What a receipt is about beside the link that it names. */
interface CutSubject {
  readonly id: string;
  readonly act: string;
  /** How many it has ended or suspended, all recorded after `requestedSeq` and up to the receipt's own `seq`. */
  readonly links: number;
  readonly requestedSeq: number;
}

/** A receipt as it is answered: what is signed in `jws`, in the clear. */
export interface SignedReceipt {
  readonly revocation: ReceiptSubject;
  /** Of a cut, whose last link this is: whoever has applied it has applied all of them, as the feed is applied in order. */
  readonly cut?: CutSubject;
  /** When this was known. */
  readonly at: string;
  readonly settled: boolean;
  readonly instances: Receipt['instances'];
  readonly points: Receipt['points'];
  readonly jws: string;
}

const ASK_AGAIN_MS = 40;

/** Receipts: which enforcement points have obeyed a revocation, signed by the tenant's issuer. */
@Injectable()
export class Receipts {
  readonly #reader: ReceiptReader;
  readonly #tokens: ReceiptTokens;

  constructor(
    private readonly database: Database,
    keys: SigningKeys,
  ) {
    this.#reader = new ReceiptReader(database);
    this.#tokens = new ReceiptTokens(keys);
  }

  /** The receipt as it is now; rejects as `ReceiptReader` does. */
  async of(tenantId: TenantId, seq: number): Promise<SignedReceipt> {
    return this.#sign(tenantId, await this.#reader.read(tenantId, seq));
  }

  /**
   * What is answered to whoever has ended access: where the receipt is, and when `waitMs` are given the receipt itself, as
   * soon as nobody who is heard of has yet to acknowledge, or when they are over.
   */
  async after(
    tenantId: TenantId,
    tenant: string,
    { changed, position }: RevocationResult,
    waitMs: number | undefined,
  ): Promise<{ receiptUrl?: string; receipt?: SignedReceipt }> {
    if (!changed) return {};
    const receiptUrl = `/admin/v1/tenants/${tenant}/revocations/${position.seq}/receipt`;
    if (waitMs === undefined) return { receiptUrl };
    const deadline = performance.now() + waitMs;
    for (;;) {
      const read = await this.#reader.read(tenantId, position.seq);
      const left = deadline - performance.now();
      if (read.receipt.instances.pending === 0 || left <= 0)
        return { receiptUrl, receipt: await this.#sign(tenantId, read) };
      await new Promise((resolve) => setTimeout(resolve, Math.min(ASK_AGAIN_MS, left)));
    }
  }

  async #cutOf(tenantId: TenantId, seq: number): Promise<CutSubject | undefined> {
    const row = await this.database.asTenant(tenantId, (tx) =>
      tx
        .selectFrom('cuts')
        .select(['cut_id', 'act', 'done', 'requested_seq'])
        .where('tenant_id', '=', tenantId)
        .where('receipt_seq', '=', seq)
        .executeTakeFirst(),
    );
    return row && { id: row.cut_id, act: row.act, links: row.done ?? 0, requestedSeq: row.requested_seq };
  }

  async #sign(
    tenantId: TenantId,
    { subject, receipt, at }: Awaited<ReturnType<ReceiptReader['read']>>,
  ): Promise<SignedReceipt> {
    const cut = await this.#cutOf(tenantId, subject.seq);
    const told = { revocation: subject, ...(cut && { cut }), at: at.toISOString(), ...receipt };
    const { issuer, tenant, kid, alg } = await this.database.asTenant(tenantId, (tx) =>
      tx
        .selectFrom('signing_keys as k')
        .innerJoin('issuers as i', 'i.tenant_id', 'k.tenant_id')
        .innerJoin('tenants as t', 't.tenant_id', 'k.tenant_id')
        .select(['i.url as issuer', 't.slug as tenant', 'k.kid', 'k.alg'])
        .where('k.tenant_id', '=', tenantId)
        .where('k.state', '=', 'active')
        .orderBy('k.alg')
        .orderBy('i.created_seq')
        .limit(1)
        .executeTakeFirstOrThrow(),
    );
    const jws = await this.#tokens.sign(tenantId, {
      issuer,
      issuedAt: at,
      tenant,
      receipt: told,
      kid,
      alg: alg as SigningAlg,
    });
    return { ...told, jws };
  }
}
