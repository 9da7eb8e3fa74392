/**
 * Every job and its data. A job is a hint: what has to be done is read from the database, so data names where to look
 * (a tenant, a position) and never holds a secret or a fact about a person.
 */
export interface Jobs {
  /** The ledger of a tenant has grown to `seq`. */
  'events.appended': { tenantId: string; seq: number };
  /** The ledger of a tenant has grown to `seq`, and others have to be told. */
  'events.deliver': { tenantId: string; seq: number };
  /** Find consumers that are behind their ledger. */
  'events.sweep': Record<string, never>;
  /** Delete operational rows that have expired. */
  'expiry.sweep': Record<string, never>;
}

export type JobName = keyof Jobs;

export const JOB_NAMES = [
  'events.appended',
  'events.deliver',
  'events.sweep',
  'expiry.sweep',
] as const satisfies readonly JobName[];

/** Jobs that need no data, so that a schedule can repeat them. */
export type ScheduledJobName = 'events.sweep' | 'expiry.sweep';
