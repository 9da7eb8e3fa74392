import { describe, expect, it } from '@jest/globals';
import { protectedResourceMetadata } from './protected-resource-metadata.ts';

const description = {
  resource: 'https://mcp.example/t/acme/mcp',
  authorizationServers: ['https://auth.example/t/acme'],
  scopes: ['boards:write', 'offline_access', 'boards:read', 'boards:read'],
  name: 'Acme boards',
} as const;

describe('protectedResourceMetadata', () => {
  it('describes the resource, and never offers offline_access', () => {
    expect(protectedResourceMetadata(description)).toEqual({
      resource: 'https://mcp.example/t/acme/mcp',
      authorization_servers: ['https://auth.example/t/acme'],
      scopes_supported: ['boards:read', 'boards:write'],
      bearer_methods_supported: ['header'],
      resource_name: 'Acme boards',
    });
  });

  it('leaves out what it does not have', () => {
    expect(protectedResourceMetadata({ ...description, scopes: ['offline_access'], name: undefined })).toEqual({
      resource: 'https://mcp.example/t/acme/mcp',
      authorization_servers: ['https://auth.example/t/acme'],
      bearer_methods_supported: ['header'],
    });
  });
});
