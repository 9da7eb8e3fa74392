import { describe, expect, it } from '@jest/globals';
import {
  authorizationServerWellKnown,
  protectedResourceMetadataUrl,
  protectedResourceWellKnown,
} from './well-known.ts';

describe('authorizationServerWellKnown', () => {
  it('lists the three forms that clients probe for an issuer with a path', () => {
    expect(authorizationServerWellKnown('https://auth.example/t/acme')).toEqual([
      { path: '/.well-known/oauth-authorization-server/t/acme', document: 'oauth-authorization-server' },
      { path: '/.well-known/openid-configuration/t/acme', document: 'openid-configuration' },
      { path: '/t/acme/.well-known/openid-configuration', document: 'openid-configuration' },
    ]);
  });

  it.each(['https://auth.example', 'https://auth.example/'])('lists two forms for %s, which has no path', (issuer) => {
    expect(authorizationServerWellKnown(issuer).map(({ path }) => path)).toEqual([
      '/.well-known/oauth-authorization-server',
      '/.well-known/openid-configuration',
    ]);
  });
});

describe('protectedResourceWellKnown', () => {
  it('lists the path-inserted form first, then the appended one', () => {
    expect(protectedResourceWellKnown('https://mcp.example/t/acme/mcp').map(({ path }) => path)).toEqual([
      '/.well-known/oauth-protected-resource/t/acme/mcp',
      '/t/acme/mcp/.well-known/oauth-protected-resource',
    ]);
    expect(protectedResourceWellKnown('https://mcp.example').map(({ path }) => path)).toEqual([
      '/.well-known/oauth-protected-resource',
    ]);
  });
});

describe('protectedResourceMetadataUrl', () => {
  it.each([
    ['https://mcp.example/t/acme/mcp', 'https://mcp.example/.well-known/oauth-protected-resource/t/acme/mcp'],
    ['http://localhost:8080/t/acme/mcp', 'http://localhost:8080/.well-known/oauth-protected-resource/t/acme/mcp'],
    ['https://mcp.example', 'https://mcp.example/.well-known/oauth-protected-resource'],
    ['https://mcp.example/mcp?k=v', 'https://mcp.example/.well-known/oauth-protected-resource/mcp?k=v'],
  ])('%s → %s', (resource, expected) => expect(protectedResourceMetadataUrl(resource)).toBe(expected));
});
