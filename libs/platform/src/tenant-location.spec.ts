import { describe, expect, it } from '@jest/globals';
import { tenantId } from '@grantkeeper/kernel';
import { isServedByPath, NOWHERE, pathAtTenantHost, tenantInPath } from './tenant-location.ts';

const both = { slug: 'acme', issuer: true, resource: true };

describe('a path at a tenant’s own host', () => {
  it.each([
    ['/.well-known/oauth-authorization-server', '/.well-known/oauth-authorization-server/t/acme'],
    ['/.well-known/openid-configuration', '/.well-known/openid-configuration/t/acme'],
    ['/authorize', '/t/acme/authorize'],
    ['/token', '/t/acme/token'],
    ['/mcp', '/t/acme/mcp'],
    ['/crm/mcp', '/t/acme/crm/mcp'],
    ['/.well-known/oauth-protected-resource/mcp', '/.well-known/oauth-protected-resource/t/acme/mcp'],
    ['/mcp/.well-known/oauth-protected-resource', '/t/acme/mcp/.well-known/oauth-protected-resource'],
    ['/assets/pages-1.css', '/assets/pages-1.css'],
    // What is the deployment's, or another tenant's, is not there: it becomes a path that no route has.
    ['/admin/v1/tenants', '/t/acme/admin/v1/tenants'],
    ['/t/other/token', '/t/acme/t/other/token'],
    ['/.well-known/oauth-authorization-server/t/other', NOWHERE],
    ['/.well-known/oauth-protected-resource', NOWHERE],
  ])('%s is %s', (path, expected) => {
    expect(pathAtTenantHost(path, both)).toBe(expected);
  });

  it.each([
    ['/mcp', { ...both, resource: false }],
    ['/.well-known/oauth-protected-resource/mcp', { ...both, resource: false }],
    ['/token', { ...both, issuer: false }],
    ['/.well-known/oauth-authorization-server', { ...both, issuer: false }],
    ['/assets/pages-1.css', { ...both, issuer: false }],
  ])('%s is nowhere where the host does not serve it', (path, host) => {
    expect(pathAtTenantHost(path, host)).toBe(NOWHERE);
  });
});

describe('a path at the deployment’s hosts', () => {
  it.each([
    ['/t/acme/token', { slug: 'acme', ofResource: false }],
    ['/t/acme', { slug: 'acme', ofResource: false }],
    ['/.well-known/openid-configuration/t/acme', { slug: 'acme', ofResource: false }],
    ['/t/acme/.well-known/openid-configuration', { slug: 'acme', ofResource: false }],
    ['/t/acme/mcp', { slug: 'acme', ofResource: true }],
    ['/t/acme/crm/mcp', { slug: 'acme', ofResource: true }],
    ['/.well-known/oauth-protected-resource/t/acme/mcp', { slug: 'acme', ofResource: true }],
    ['/admin/v1/tenants', undefined],
    ['/health/live', undefined],
  ])('%s names %j', (path, expected) => {
    expect(tenantInPath(path)).toEqual(expected);
  });

  it('serves what has no host of its own', () => {
    const entry = {
      tenantId: tenantId('0190a000-0000-7000-8000-000000000001'),
      issuerHost: 'a.example',
      resourceHost: null,
    };
    expect([isServedByPath(entry, false), isServedByPath(entry, true)]).toEqual([false, true]);
  });
});
