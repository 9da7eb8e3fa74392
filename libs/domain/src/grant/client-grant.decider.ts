import { DomainError } from '@grantkeeper/kernel';
import type { NewEvent } from '../event.ts';
import { clientGrantCreated } from './grant.events.ts';

export interface ClientGrantState {
  /** Absent when the tenant does not know the client, or knows it no more. */
  readonly client?: {
    readonly clientId: string;
    readonly kind: 'cimd' | 'dynamic' | 'registered';
    readonly metadataDigest: string;
    readonly grantTypes: readonly string[];
    readonly authMethod: string;
  };
  /** Absent when the tenant has no such resource. */
  readonly resource?: { readonly resourceId: string; readonly scopes: readonly string[] };
  /** The client's own grant for the resource that is alive. */
  readonly grantId?: string | undefined;
}

export interface CreateClientGrant {
  readonly newGrantId: string;
  readonly scopes: readonly string[];
}

/**
 * An admin lets a client act for itself at a resource: what its client credentials are worth (CC-01). Only a client that
 * an admin registered, that authenticates and that asked for the grant type. Rejects with `grant.*`.
 */
export function decideClientGrant(
  { client, resource, grantId }: ClientGrantState,
  command: CreateClientGrant,
): NewEvent[] {
  if (!client) throw new DomainError('grant.client_not_found', 'There is no such client.', 'not_found', 'clientId');
  if (!resource)
    throw new DomainError('grant.resource_not_found', 'There is no such resource.', 'not_found', 'resourceId');
  if (client.kind !== 'registered')
    throw new DomainError(
      'grant.client_not_registered',
      'Only a client that an admin registered may act for itself.',
      'conflict',
      'clientId',
    );
  if (client.authMethod === 'none' || !client.grantTypes.includes('client_credentials'))
    throw new DomainError(
      'grant.not_for_this_client',
      'The client must be registered with the grant type client_credentials and a way to authenticate.',
      'conflict',
      'clientId',
    );
  if (command.scopes.length === 0)
    throw new DomainError('grant.empty_scope', 'A grant names at least one scope.', 'invalid', 'scopes');
  const foreign = command.scopes.find((scope) => !resource.scopes.includes(scope));
  if (foreign !== undefined)
    throw new DomainError('grant.unknown_scope', `The resource has no scope ${foreign}.`, 'invalid', 'scopes');
  if (grantId !== undefined)
    throw new DomainError(
      'grant.exists',
      'The client has a grant for this resource. Revoke it to give it another one.',
      'conflict',
    );
  return [
    clientGrantCreated.on(command.newGrantId, {
      grantId: command.newGrantId,
      clientId: client.clientId,
      resourceId: resource.resourceId,
      scopes: [...new Set(command.scopes)],
      metadataDigest: client.metadataDigest,
    }),
  ];
}
