import { failureReason } from '@grantkeeper/consumers';
import { ledgerDiverged } from '@grantkeeper/domain';
import {
  type Database,
  type Difference,
  type EventStore,
  type FactEffects,
  type InlineProjection,
  retrying,
  type VerificationRecord,
  VerificationRecords,
  type Verification,
  verifyLedger,
} from '@grantkeeper/event-store';
import { SYSTEM_TENANT, type TenantId } from '@grantkeeper/kernel';
import { Counter } from '@grantkeeper/observability';
import { Logger } from '@nestjs/common';
import { v5 as uuidv5 } from 'uuid';

const verifications = new Counter(
  'grantkeeper_ledger_verifications_total',
  'Ledgers that were folded and compared with their live rows, by what came of it.',
);

/** How much of the machine verification may take. */
export interface VerificationPace {
  /** A run begins no further ledger after so long. */
  readonly budgetMs: number;
  /** A ledger that has been verified rests so long. */
  readonly restMs: number;
}

export const standardPace: VerificationPace = { budgetMs: 1_000, restMs: 3_600_000 };

const MOST_PER_RUN = 100;

/**
 * Proves, ledger by ledger and the one verified longest ago first, that the live rows are what the events say, and keeps
 * what it found. A difference is an alarm: a metric, an error in the log, `LedgerDiverged` in the system's ledger (once,
 * until the ledger is found whole or something else differs) and the answer of the admin API.
 */
export class VerificationJob {
  readonly #log = new Logger('verification');
  readonly #records: VerificationRecords;
  #stopped = false;

  constructor(
    private readonly database: Database,
    private readonly store: EventStore,
    private readonly projections: readonly InlineProjection[],
    private readonly pace: VerificationPace = standardPace,
    private readonly facts?: FactEffects,
  ) {
    this.#records = new VerificationRecords(database);
  }

  /** Verifies what is due, within the budget; answers how many ledgers that were. */
  async run(): Promise<number> {
    const end = performance.now() + this.pace.budgetMs;
    let done = 0;
    for (const tenant of await this.#records.due(this.pace.restMs, MOST_PER_RUN)) {
      if (this.#stopped || performance.now() > end) break;
      try {
        await this.verify(tenant);
        done += 1;
      } catch (error) {
        // It says nothing of the ledger, and the next one has its turn.
        verifications.add({ result: 'failed' });
        this.#log.error({ msg: 'a ledger could not be verified', tenant, reason: failureReason(error) });
      }
    }
    return done;
  }

  async verify(tenant: TenantId): Promise<Verification> {
    const began = performance.now();
    const before = await this.#records.last(tenant);
    const verification = await verifyLedger(this.database, this.projections, tenant, {
      ...(this.facts && { facts: this.facts }),
    });
    verifications.add({ result: verification.ok ? 'ok' : 'diverged' });
    const [first] = verification.differences;
    if (first) await this.#raise(tenant, verification, first, before);
    await this.#records.record(tenant, verification, performance.now() - began);
    return verification;
  }

  /** Begins no further ledger. */
  stop(): void {
    this.#stopped = true;
  }

  async #raise(
    tenant: TenantId,
    { epoch, seq }: Verification,
    first: Difference,
    before: VerificationRecord | undefined,
  ): Promise<void> {
    this.#log.error({ msg: 'live rows are not what the events say', tenant, epoch, seq, table: first.table });
    const known = before?.firstDifference;
    if (known && placeOf(known) === placeOf(first)) return;
    // Named by what was found, so that two processes that find it raise it once.
    const id = uuidv5(`${tenant}/${epoch}/${seq}/${placeOf(first)}`, SYSTEM_TENANT);
    const command = { id, fingerprint: id, result: null };
    await retrying(async () => {
      if (await this.store.resultOf(SYSTEM_TENANT, command)) return;
      await this.store.append({
        tenantId: SYSTEM_TENANT,
        actor: { kind: 'system', id: 'verification' },
        events: [ledgerDiverged.on(id, { tenantId: tenant, seq, table: first.table })],
        command,
      });
    });
  }
}

function placeOf({ table, key }: Difference): string {
  return `${table}/${JSON.stringify(key)}`;
}
