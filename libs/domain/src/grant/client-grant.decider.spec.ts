import { describe, expect, it } from '@jest/globals';
import { type ClientGrantState, decideClientGrant } from './client-grant.decider.ts';

const [newGrantId, resourceId] = ['1', '2'].map((n) => `0190a000-0000-7000-8000-00000000000${n}`) as [string, string];
const client = {
  clientId: 'gkr_1',
  kind: 'registered',
  metadataDigest: 'd',
  grantTypes: ['client_credentials'],
  authMethod: 'client_secret_post',
} as const;
const state: ClientGrantState = { client, resource: { resourceId, scopes: ['boards:read', 'boards:write'] } };
const decide = (given: ClientGrantState, scopes = ['boards:read']) => decideClientGrant(given, { newGrantId, scopes });

describe('a grant for a client itself (CC-01)', () => {
  it('is created for a client that an admin registered, and names no person', () => {
    const [event] = decide(state, ['boards:read', 'boards:read']);
    expect([event!.definition.type, event!.payload]).toEqual([
      'ClientGrantCreated',
      { grantId: newGrantId, clientId: 'gkr_1', resourceId, scopes: ['boards:read'], metadataDigest: 'd' },
    ]);
  });

  it.each<[string, ClientGrantState, string[], string]>([
    ['of an unknown client', { resource: state.resource! }, ['boards:read'], 'grant.client_not_found'],
    ['for an unknown resource', { client }, ['boards:read'], 'grant.resource_not_found'],
    [
      'of a client that registered itself',
      { ...state, client: { ...client, kind: 'dynamic' } },
      ['boards:read'],
      'grant.client_not_registered',
    ],
    [
      'of a public client',
      { ...state, client: { ...client, authMethod: 'none' } },
      ['boards:read'],
      'grant.not_for_this_client',
    ],
    [
      'of a client without the grant type',
      { ...state, client: { ...client, grantTypes: ['authorization_code'] } },
      ['boards:read'],
      'grant.not_for_this_client',
    ],
    ['without a scope', state, [], 'grant.empty_scope'],
    ['with a scope that the resource does not have', state, ['mail:send'], 'grant.unknown_scope'],
    ['beside one that is alive', { ...state, grantId: newGrantId }, ['boards:read'], 'grant.exists'],
  ])('is refused %s', (_what, given, scopes, code) => {
    expect(() => decide(given, scopes)).toThrow(expect.objectContaining({ code }));
  });
});
