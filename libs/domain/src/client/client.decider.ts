import { DomainError } from '@grantkeeper/kernel';
import type { z } from 'zod';
import type { NewEvent } from '../event.ts';
import {
  clientAccessRevoked,
  clientAdmitted,
  clientApproved,
  clientChanged,
  clientRemoved,
  clientSecretRotated,
} from './client.events.ts';

/** One version of a client's metadata. */
export interface ClientVersion {
  readonly metadata: Record<string, z.core.util.JSONType>;
  readonly metadataDigest: string;
  readonly subjects: readonly string[];
}

/** A client that the tenant knows. */
export interface KnownClient {
  readonly clientId: string;
  readonly kind: 'cimd' | 'dynamic' | 'registered';
  readonly approved: boolean;
  readonly removed: boolean;
  readonly authMethod: string;
  readonly metadataDigest: string;
}

/**
 * An admin admits a client: one that they register, or one whose request to link they approve. What they approve is the
 * version that they were shown, also of a client that is known by another.
 */
export function decideAdmission(
  client: ClientVersion & { readonly clientId: string; readonly kind: KnownClient['kind'] },
  known: KnownClient | undefined,
): NewEvent[] {
  const { clientId, kind } = client;
  if (known && !known.removed) {
    const other = known.metadataDigest !== client.metadataDigest;
    return [
      ...(other ? [clientChanged.on(clientId, { clientId, ...versionOf(client), by: 'admin' })] : []),
      ...(known.approved ? [] : [clientApproved.on(clientId, { clientId })]),
    ];
  }
  return [clientAdmitted.on(clientId, { clientId, kind, ...versionOf(client), by: 'admin' })];
}

/**
 * An admin changes what they have registered. Others change through what they publish and what people consent to, so
 * for them it is `client.not_registered`. What a client authenticates with stays: another method is another client.
 */
export function decideClientChange(
  known: KnownClient | undefined,
  version: ClientVersion & { readonly authMethod: string },
): NewEvent[] {
  const { clientId, authMethod, metadataDigest } = registered(known);
  if (authMethod !== version.authMethod) {
    throw new DomainError(
      'client.auth_method_fixed',
      'token_endpoint_auth_method cannot be changed: register another client.',
      'conflict',
      'metadata.token_endpoint_auth_method',
    );
  }
  if (metadataDigest === version.metadataDigest) return [];
  return [clientChanged.on(clientId, { clientId, ...versionOf(version), by: 'admin' })];
}

/** Gives a client another secret. Rejects with `client.no_secret` for one that authenticates otherwise. */
export function decideSecretRotation(known: KnownClient | undefined, overlapSeconds: number): NewEvent[] {
  const { clientId, authMethod } = registered(known);
  if (!authMethod.startsWith('client_secret_')) {
    throw new DomainError('client.no_secret', 'This client does not authenticate with a secret.', 'conflict');
  }
  return [clientSecretRotated.on(clientId, { clientId, overlapSeconds })];
}

/** The client is not known any more, and its links end with it (RFC 7592 §2.3). */
export function decideClientRemoval(known: KnownClient | undefined, by: 'admin' | 'client'): NewEvent[] {
  const { clientId } = present(known);
  return [clientAccessRevoked.on(clientId, { clientId, because: by }), clientRemoved.on(clientId, { clientId, by })];
}

function present(known: KnownClient | undefined): KnownClient {
  if (!known || known.removed) throw new DomainError('client.not_found', 'There is no such client.', 'not_found');
  return known;
}

function registered(known: KnownClient | undefined): KnownClient {
  const client = present(known);
  if (client.kind === 'registered') return client;
  throw new DomainError(
    'client.not_registered',
    'Only clients that an admin has registered can be changed here.',
    'conflict',
  );
}

function versionOf({ metadata, metadataDigest, subjects }: ClientVersion) {
  return { metadata, metadataDigest, subjects: [...subjects] };
}
