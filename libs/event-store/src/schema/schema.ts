import type { AsyncProjectionTables } from './async-projections.ts';
import type { ClientDocumentTables } from './client-documents.ts';
import type { ConsumerTables } from './consumers.ts';
import type { CutTables } from './cuts.ts';
import type { DeliveryTables } from './deliveries.ts';
import type { FeedTables } from './feed.ts';
import type { InlineProjectionTables } from './inline-projections.ts';
import type { LedgerTables } from './ledger.ts';
import type { OperationalTables } from './operational.ts';

/** Every table and view that services reach; a test compares it with the database. */
export interface Schema
  extends
    LedgerTables,
    ConsumerTables,
    InlineProjectionTables,
    AsyncProjectionTables,
    FeedTables,
    CutTables,
    DeliveryTables,
    OperationalTables,
    ClientDocumentTables {}

export type * from './column-types.ts';
export type * from './ledger.ts';
export type * from './consumers.ts';
export type * from './cuts.ts';
export type * from './deliveries.ts';
export type * from './feed.ts';
export type * from './inline-projections.ts';
export type * from './async-projections.ts';
export type * from './operational.ts';
export type * from './client-documents.ts';
