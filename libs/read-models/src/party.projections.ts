import type {
  clientAdmitted,
  clientApproved,
  clientChanged,
  clientHeld,
  clientRemoved,
  clientSecretRotated,
  EventOf,
  identityLinked,
  RecordedEvent,
  resourceAdded,
  resourceFailurePolicySet,
  userCreated,
  userEmailVerificationSet,
} from '@grantkeeper/domain';
import { existing, projection } from './inline-projection.ts';

interface Watermarked {
  revoked_seq: number;
  stream_version: number;
}

function raised<Row extends Watermarked>(event: RecordedEvent, row: Row | undefined): Row {
  return { ...existing(row, event), revoked_seq: event.seq, stream_version: event.streamVersion };
}

/** Access tokens that were born below it are dead; what they were refreshed from lives on. */
function suspended<Row extends Watermarked>(event: RecordedEvent, row: Row | undefined): Row {
  return { ...counted(event, row), suspended: true, held_seq: event.seq };
}

function resumed<Row extends Watermarked>(event: RecordedEvent, row: Row | undefined): Row {
  return { ...counted(event, row), suspended: false };
}

function counted<Row extends Watermarked>(event: RecordedEvent, row: Row | undefined): Row {
  return { ...existing(row, event), stream_version: event.streamVersion };
}

interface ResourceState extends Watermarked {
  tenant_id: string;
  resource_id: string;
  owner: string;
  kind: string;
  slug: string;
  url: string;
  display_name: string;
  signing_alg: string;
  scopes: unknown;
  is_default: boolean;
  when_unreachable: string;
  suspended: boolean;
  held_seq: number;
  created_seq: number;
}

export const resources = projection<ResourceState>({
  table: 'resources',
  stream: 'resource',
  key: ['resource_id'],
  on: {
    ResourceAdded: (event: EventOf<typeof resourceAdded>) => ({
      tenant_id: event.tenantId,
      resource_id: event.payload.resourceId,
      owner: event.payload.owner,
      kind: event.payload.kind,
      slug: event.payload.slug,
      url: event.payload.url,
      display_name: event.payload.displayName,
      signing_alg: event.payload.signingAlg,
      scopes: event.payload.scopes,
      is_default: event.payload.isDefault,
      when_unreachable: event.payload.whenUnreachable ?? 'refuse',
      suspended: false,
      held_seq: 0,
      created_seq: event.seq,
      revoked_seq: 0,
      stream_version: event.streamVersion,
    }),
    ResourceFailurePolicySet: (event: EventOf<typeof resourceFailurePolicySet>, row) => ({
      ...existing(row, event),
      when_unreachable: event.payload.whenUnreachable,
      stream_version: event.streamVersion,
    }),
    ResourceSuspended: suspended,
    ResourceResumed: resumed,
    ResourceAccessRevoked: raised,
  },
});

interface UserState extends Watermarked {
  tenant_id: string;
  user_id: string;
  sub: string;
  role: string;
  email_sealed: string | null;
  email_verified: boolean;
  name_sealed: string | null;
  signed_out_seq: number;
  suspended: boolean;
  held_seq: number;
  created_seq: number;
  created_at: string;
}

export const users = projection<UserState>({
  table: 'users',
  stream: 'user',
  key: ['user_id'],
  on: {
    UserCreated: (event: EventOf<typeof userCreated>) => ({
      tenant_id: event.tenantId,
      user_id: event.payload.userId,
      sub: event.payload.sub,
      role: event.payload.role,
      email_sealed: event.personal['email'] ?? null,
      email_verified: event.payload.emailVerified,
      name_sealed: event.personal['name'] ?? null,
      signed_out_seq: 0,
      suspended: false,
      held_seq: 0,
      created_seq: event.seq,
      created_at: event.recordedAt,
      revoked_seq: 0,
      stream_version: event.streamVersion,
    }),
    UserEmailVerificationSet: (event: EventOf<typeof userEmailVerificationSet>, row) => ({
      ...counted(event, row),
      email_verified: event.payload.verified,
    }),
    IdentityLinked: (event: RecordedEvent, row) => ({ ...existing(row, event), stream_version: event.streamVersion }),
    UserSignedOut: (event: RecordedEvent, row) => ({ ...counted(event, row), signed_out_seq: event.seq }),
    UserSuspended: suspended,
    UserResumed: resumed,
    UserAccessRevoked: raised,
  },
});

export const identities = projection<object & Record<'identity_id', string>>({
  table: 'identities',
  key: ['identity_id'],
  keyOf: (event: EventOf<typeof identityLinked>) => ({ identity_id: event.payload.identityId }),
  on: {
    IdentityLinked: (event: EventOf<typeof identityLinked>) => ({
      tenant_id: event.tenantId,
      identity_id: event.payload.identityId,
      user_id: event.payload.userId,
      kind: event.payload.kind,
      issuer: null,
      subject: null,
      linked_seq: event.seq,
    }),
  },
});

interface ClientState extends Watermarked {
  tenant_id: string;
  client_id: string;
  kind: string;
  metadata: unknown;
  metadata_digest: string;
  subjects: readonly string[];
  approved: boolean;
  suspended: boolean;
  admitted_seq: number;
  admitted_at: string;
  removed_seq: number | null;
  held_seq: number;
}

export const clients = projection<ClientState>({
  table: 'clients',
  stream: 'client',
  key: ['client_id'],
  on: {
    // A client that was removed and comes back keeps its watermark, which never goes down, and is suspended if it was.
    ClientAdmitted: (event: EventOf<typeof clientAdmitted>, row) => ({
      tenant_id: event.tenantId,
      client_id: event.payload.clientId,
      kind: event.payload.kind,
      metadata: event.payload.metadata,
      metadata_digest: event.payload.metadataDigest,
      subjects: event.payload.subjects,
      approved: event.payload.by === 'admin',
      suspended: row?.suspended ?? false,
      admitted_seq: event.seq,
      admitted_at: event.recordedAt,
      removed_seq: null,
      held_seq: row?.held_seq ?? 0,
      revoked_seq: row?.revoked_seq ?? 0,
      stream_version: event.streamVersion,
    }),
    ClientApproved: (event: EventOf<typeof clientApproved>, row) => ({ ...counted(event, row), approved: true }),
    ClientChanged: (event: EventOf<typeof clientChanged>, row) => ({
      ...counted(event, row),
      metadata: event.payload.metadata,
      metadata_digest: event.payload.metadataDigest,
      subjects: event.payload.subjects,
      // An approval is of whoever publishes a document, and of one version of what a client registers of itself.
      approved: existing(row, event).approved && (row?.kind !== 'dynamic' || event.payload.by === 'admin'),
    }),
    ClientHeld: (event: EventOf<typeof clientHeld>, row) => ({ ...counted(event, row), held_seq: event.seq }),
    ClientSecretRotated: (event: EventOf<typeof clientSecretRotated>, row) => counted(event, row),
    ClientRemoved: (event: EventOf<typeof clientRemoved>, row) => ({
      ...counted(event, row),
      removed_seq: event.seq,
    }),
    ClientSuspended: suspended,
    ClientResumed: resumed,
    ClientAccessRevoked: raised,
  },
});
