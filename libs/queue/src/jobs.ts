/**
 * Every job and its data. A job is a hint: what has to be done is read from the database, so data names where to look
 * (a tenant, a position) and never holds a secret or a fact about a person.
 */
export interface Jobs {
  /** The ledger of a tenant has grown to `seq`. */
  'events.appended': { tenantId: string; seq: number };
  /** A receiver has something to be told. */
  'receivers.tell': ReceiverJob;
  /** The same for receivers that are known to take long: they wait in a line of their own. */
  'receivers.tell-slow': ReceiverJob;
  /** Someone wants consumers or receivers of this tenant to have events again. */
  'letters.replay': { tenantId: string };
  /** A cut is to be carried out or undone. */
  'cuts.run': { tenantId: string; cutId: string };
  /** Find consumers that are behind their ledger. */
  'events.sweep': Record<string, never>;
  /** Delete operational rows that have expired. */
  'expiry.sweep': Record<string, never>;
  /** Announce, activate and retire the signing keys that are due. */
  'signing-keys.rotate': Record<string, never>;
  /** Make the coming partitions of activity and drop those past their retention. */
  'activity.retention': Record<string, never>;
  /** Compare the live rows of the ledgers whose turn it is with their events. */
  'ledger.verify': Record<string, never>;
}

/** Names one receiver of events of a tenant. */
export interface ReceiverJob {
  tenantId: string;
  kind: string;
  receiverId: string;
}

export type JobName = keyof Jobs;

export const JOB_NAMES = [
  'events.appended',
  'receivers.tell',
  'receivers.tell-slow',
  'letters.replay',
  'cuts.run',
  'events.sweep',
  'expiry.sweep',
  'signing-keys.rotate',
  'activity.retention',
  'ledger.verify',
] as const satisfies readonly JobName[];

/** Jobs that need no data, so that a schedule can repeat them. */
export type ScheduledJobName =
  'events.sweep' | 'expiry.sweep' | 'signing-keys.rotate' | 'activity.retention' | 'ledger.verify';
