import type { ColumnType } from 'kysely';

/** A point in time: a `Date` when read, a `Date` or ISO 8601 text when written. */
export type Timestamp = ColumnType<Date, Date | string, Date | string>;

/** A point in time that the database sets when it is not given. */
export type DefaultedTimestamp = ColumnType<Date, Date | string | undefined, Date | string>;

/** A JSON value: parsed when read, text when written. */
// oxlint-disable-next-line typescript/no-explicit-any -- the shape is the reader's knowledge, checked by its zod schema
export type Json = ColumnType<any, string, string>;

/** A JSON value that the database sets when it is not given. */
// oxlint-disable-next-line typescript/no-explicit-any -- as above
export type DefaultedJson = ColumnType<any, string | undefined, string>;
