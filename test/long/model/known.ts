import type { Actor } from '@grantkeeper/domain';
import type { TenantId } from '@grantkeeper/kernel';
import type { Product } from './product.ts';

export const actor: Actor = { kind: 'system', id: 'model' };
/** A code that a consent gave; its secrets follow from the consent's command, so that a repetition gives the same. */
export interface Code {
  readonly seed: string;
  readonly grantId: string;
  readonly clientId: string;
}

export interface Family {
  readonly familyId: string;
  readonly grantId: string;
  readonly clientId: string;
  readonly salt: Buffer;
  generation: number;
}

/** An access token, by what it carries. */
export interface Token {
  readonly tokenId: string;
  readonly grantId: string;
  readonly familyId: string;
  readonly seq: number;
}

/** What a command said when it had been carried out. */
export interface Done {
  readonly events: number | 'some';
}

/** What callers of one tenant have been told is there. */
export class Known {
  readonly users: string[] = [];
  readonly clients: string[] = [];
  readonly resources: string[] = [];
  readonly codes: Code[] = [];
  readonly families: Family[] = [];
  readonly tokens: Token[] = [];
}

/** The same, and the process that serves it. */
export interface Served extends Known {
  readonly id: TenantId;
  readonly product: Product;
}
