import type { CachedDocument } from '@grantkeeper/client-documents';
import type { ClientRule, PolicySettings, ResourceScope } from '@grantkeeper/domain';
import type { Position, ProjectedRow } from '@grantkeeper/event-store';
import type { JSONWebKeySet } from 'jose';
import type { ClientMetadata } from '@grantkeeper/oauth';

/** What the SQL function authorize_contexts answers for each request: everything that a request for authorization is decided on. */
export interface AuthorizeContext {
  readonly position: Position;
  /** Position of the last wide act. */
  readonly wideSeq: number;
  readonly tenant: { readonly displayName: string; readonly suspended: boolean };
  readonly issuer: string;
  readonly settings: PolicySettings;
  readonly client: AdmittedClient | null;
  /** What the client has registered last: of a client that is known, perhaps another version than the one that is. */
  readonly registration: {
    readonly kind: 'cimd' | 'dynamic';
    readonly metadata: ClientMetadata;
    readonly metadataDigest: string;
    readonly subjects: readonly string[];
  } | null;
  readonly rules: readonly ClientRule[];
  /** The metadata document at the client's URL as it is cached; null for other ids, and before the first fetch. */
  readonly document: CachedDocument<ClientMetadata> | null;
  readonly resources: readonly ContextResource[];
  /** What an admin has consented to for everyone, for this client, the newest first. */
  readonly adminConsents: readonly ContextAdminConsent[];
  /** What was pushed, when the request names it and it is this browser's. */
  readonly pushed: { readonly parameters: string; readonly claimedAt: string; readonly bornSeq: number } | null;
  /** The issuer's keys, also those that sign no more; read when there may be an ID token to check. */
  readonly keys: JSONWebKeySet['keys'] | null;
  /** Whom a valid id_token_hint names; null when the hint names nobody, undefined without one. */
  readonly hintedSub?: string | null;
  readonly session?: ContextSession;
  /** Links of the person and the client that are alive, as rows of `grants`. */
  readonly grants?: readonly ContextGrant[];
  /** The holder of the link's slot, by resource. */
  readonly slots?: Readonly<Record<string, string>>;
  readonly lastGrantRevokedSeq?: number;
}

export type AdmittedClient = ProjectedRow & {
  readonly kind: 'cimd' | 'dynamic' | 'registered';
  readonly metadata: ClientMetadata;
  readonly metadata_digest: string;
  readonly subjects: readonly string[];
  /** An admin has admitted or approved it. */
  readonly approved: boolean;
  readonly suspended: boolean;
  readonly removed_seq: number | null;
};

export type ContextGrant = ProjectedRow & {
  /** The version of the client's metadata that was consented to. */
  readonly metadata_digest: string;
  readonly grant_id: string;
  readonly resource_id: string;
  readonly suspended: boolean;
  readonly scopes: string[];
  readonly consented_at: string;
  readonly admin_consent_id: string | null;
};

export interface ContextAdminConsent {
  readonly consentId: string;
  readonly resourceId: string;
  /** The version of the client that the admin consented to. */
  readonly metadataDigest: string;
  readonly scopes: readonly string[];
}

export interface ContextResource {
  readonly resourceId: string;
  readonly url: string;
  readonly displayName: string;
  readonly scopes: readonly ResourceScope[];
  readonly isDefault: boolean;
  readonly suspended: boolean;
  /** What was born below it, for the client and the person who is signed in, is dead. */
  readonly watermark: number;
}

export interface ContextSession {
  readonly userId: string;
  readonly sub: string;
  readonly email: string | null;
  readonly name: string | null;
  /** The person's wrapped key; null when they have been erased. */
  readonly personKey: string | null;
  readonly suspended: boolean;
  readonly authTime: string;
  /** How the person signed in (RFC 8176). */
  readonly amr: readonly string[];
}
