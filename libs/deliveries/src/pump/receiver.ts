import type { Transaction } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';

export type ReceiverKind = 'webhook' | 'signals';

/** Someone outside who is told of events of a tenant, each with a cursor of its own. */
export interface ReceiverAddress {
  readonly tenant: TenantId;
  readonly kind: ReceiverKind;
  readonly id: string;
}

/** The name under which dead letters of a receiver are kept. */
export function letterName({ kind, id }: Pick<ReceiverAddress, 'kind' | 'id'>): string {
  return `${kind}-${id}`;
}

/** Something to be sent. Sent again, it carries the same id. */
export interface Message {
  readonly id: string;
  readonly type: string;
  readonly epoch: number;
  /** Where it stands in the ledger; null for what stands in none. */
  readonly seq: number | null;
}

/** What a receiver made of a message. */
export interface Answer {
  readonly accepted: boolean;
  /** Why not, as a code: never what somebody wrote. */
  readonly reason: string | null;
  /** The HTTP status; null when there was no answer. */
  readonly status: number | null;
  readonly durationMs: number;
  /** The first words of a refusal. */
  readonly excerpt: string | null;
  /** The receiver says that it is no more. */
  readonly gone?: boolean;
  /** Sending this very message again is of no use. */
  readonly hopeless?: boolean;
  /** Not before so many milliseconds, the receiver says. */
  readonly retryAfterMs?: number;
}

/** What follows a position: a message, and where the cursor stands once it is taken; or only how far there is nothing. */
export interface Next<Sent extends Message> {
  readonly message?: Sent;
  readonly through: number;
  /** There may be more behind it. */
  readonly more: boolean;
}

/** A kind of receivers: what they read and how they are told. Everything else is the pump's. */
export interface Outlet<Receiver = unknown, Sent extends Message = Message> {
  readonly kind: ReceiverKind;
  /**
   * SQL for the relay role: `tenant_id`, `receiver_id` and `slow` of those of this kind that have something to be told now.
   * `c` is the row of `receiver_cursors`, `h` that of `heads`.
   */
  readonly behind: string;
  /** The receiver, with what is needed to tell it; undefined when it is not to be told anything now. */
  open(tx: Transaction, address: ReceiverAddress): Promise<Receiver | undefined>;
  /** What follows `through`. Rejects with `LedgerGap` or `UnknownEvent` before what this process must not pass by. */
  next(tx: Transaction, receiver: Receiver, through: number): Promise<Next<Sent>>;
  /** The message of one position, to be sent again; undefined when there is none for this receiver. */
  at(tx: Transaction, receiver: Receiver, seq: number): Promise<Sent | undefined>;
  /** Tells the receiver. Never rejects. */
  send(receiver: Receiver, message: Sent): Promise<Answer>;
  /** SQL, beside `behind`: how many messages or positions the receiver of `c` is behind. */
  readonly lag: string;
  /** In the transaction that moves the cursor past `message`, or, `again`, after it was taken at another's wish. */
  passed?(
    tx: Transaction,
    receiver: Receiver,
    message: Sent,
    how: { readonly accepted: boolean; readonly again: boolean },
  ): Promise<void>;
  /** Tells the receiver nothing any more, until an admin says so. */
  giveUp(address: ReceiverAddress, because: 'gone' | 'failing'): Promise<void>;
}
