import type { Transaction } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';

/** How often a message is tried, how long the waits between are, and how long a receiver may fail. */
export interface DeliveryRetries {
  readonly attempts: number;
  readonly giveUpDays: number;
  /** Milliseconds to wait after so many failures (from 1). */
  delayMs(failures: number): number;
}

const FIRST_MS = 1_000;
const FACTOR = 3;
const LONGEST_MS = 3_600_000;
/** A receiver that asks for more than a day is asked again after one. */
export const LONGEST_WAIT_MS = 24 * 3_600_000;

/** 1 s, 3 s, 9 s … 1 h, spread by a fifth so that receivers that were down are not met by everything at once. */
export function delayMs(failures: number): number {
  return Math.min(FIRST_MS * FACTOR ** (failures - 1), LONGEST_MS) * (0.9 + Math.random() * 0.2);
}

/** What the tenant's policy says. */
export async function retriesOf(tx: Transaction, tenant: TenantId): Promise<DeliveryRetries> {
  const row = await tx.selectFrom('policies').select('settings').where('tenant_id', '=', tenant).executeTakeFirst();
  const settings = row?.settings as { deliveryAttempts?: number; deliveryGiveUpDays?: number } | undefined;
  return { attempts: settings?.deliveryAttempts ?? 12, giveUpDays: settings?.deliveryGiveUpDays ?? 5, delayMs };
}

/** Milliseconds that a `Retry-After` asks for (RFC 9110 §10.2.3), a day at most; undefined when it says nothing of use. */
export function retryAfterMs(value: string | undefined, now: Date): number | undefined {
  if (value === undefined) return undefined;
  const ms = /^\d{1,10}$/.test(value.trim()) ? Number(value) * 1_000 : Date.parse(value) - now.getTime();
  return Number.isFinite(ms) && ms > 0 ? Math.min(ms, LONGEST_WAIT_MS) : undefined;
}
