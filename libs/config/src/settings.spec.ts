import { ConfigError } from './config-error.ts';
import { loadConfig } from './load-config.ts';
import type { Environment } from './load-config.ts';
import { serviceSettings } from './service-settings.ts';
import { standaloneSettings } from './standalone-settings.ts';

const key = (fill: number): string => Buffer.alloc(32, fill).toString('base64');

const complete = {
  NODE_ENV: 'production',
  DATABASE_URL: 'postgresql://service:pw@db/grantkeeper',
  AUTH_URL: 'https://auth.example.com',
  MCP_URL: 'https://mcp.example.com',
  ADMIN_URL: 'https://admin.example.com:8443',
  GRANTKEEPER_MASTER_KEYS: `2:${key(2)},1:${key(1)}`,
};

function faults(schema: Parameters<typeof loadConfig>[0], env: Environment): string[] {
  try {
    loadConfig(schema, env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ variable }) => variable);
    throw error;
  }
}

describe('settings of a production service', () => {
  it('are read from a complete environment', () => {
    const settings = loadConfig(serviceSettings, complete);
    expect(settings).toMatchObject({
      production: true,
      port: 8080,
      authUrl: 'https://auth.example.com',
      adminUrl: 'https://admin.example.com:8443',
      databaseUrl: complete.DATABASE_URL,
      migrationDatabaseUrl: complete.DATABASE_URL,
      redisUrl: null,
      outboundAllowLoopback: false,
      trustProxy: false,
      rateLimitFactor: 1,
      logLevel: 'info',
    });
    expect(settings.masterKeys.map(({ version, key: bytes }) => [version, bytes[0], bytes.length])).toEqual([
      [2, 2, 32],
      [1, 1, 32],
    ]);
  });

  it('have no default for a secret or a public URL', () => {
    expect(faults(serviceSettings, {})).toEqual([
      'DATABASE_URL',
      'AUTH_URL',
      'MCP_URL',
      'ADMIN_URL',
      'GRANTKEEPER_MASTER_KEYS',
    ]);
  });

  it('list what production refuses together with everything else', () => {
    const env = { ...complete, AUTH_URL: 'http://auth.example.com', OUTBOUND_ALLOW_LOOPBACK: 'true', PORT: 'x' };
    expect(faults(serviceSettings, env).toSorted()).toEqual(['AUTH_URL', 'OUTBOUND_ALLOW_LOOPBACK', 'PORT']);
  });

  it.each(['http://localhost:8080', 'http://127.0.0.1:8080', 'http://[::1]:8080'])(
    'allow %s in production: it is this machine',
    (url) => {
      expect(faults(serviceSettings, { ...complete, AUTH_URL: url })).toEqual([]);
    },
  );

  it.each(['http://127.evil.example', 'http://localhost.example.com'])('refuse %s in production', (url) => {
    expect(faults(serviceSettings, { ...complete, AUTH_URL: url })).toEqual(['AUTH_URL']);
  });

  it.each([
    'https://a.example/',
    'https://a.example/t',
    'https://A.example',
    'https://a.example:443',
    'ftp://a.example',
    'a.example',
    'https://u:p@a.example',
  ])('refuse %s as an origin', (url) => {
    expect(faults(serviceSettings, { ...complete, MCP_URL: url })).toEqual(['MCP_URL']);
  });

  it.each([
    ['PORT', '0'],
    ['PORT', '65536'],
    ['DATABASE_URL', 'mysql://db/x'],
    ['REDIS_URL', 'http://redis'],
    ['LOG_LEVEL', 'loud'],
    ['NODE_ENV', 'prod'],
    ['TRUST_PROXY', 'true'],
    ['RATE_LIMIT_FACTOR', '0'],
    ['RATE_LIMIT_FACTOR', 'off'],
    ['TRUST_PROXY', '10.0.0.0/33'],
    ['OUTBOUND_ALLOW_LOOPBACK', 'yes'],
    ['GRANTKEEPER_MASTER_KEYS', `1:${Buffer.alloc(16).toString('base64')}`],
    ['GRANTKEEPER_MASTER_KEYS', `1:${key(1)},1:${key(2)}`],
    ['GRANTKEEPER_MASTER_KEYS', key(1)],
  ])('refuse %s=%s', (variable, value) => {
    expect(faults(serviceSettings, { ...complete, [variable]: value })).toEqual([variable]);
  });

  it.each([
    ['2', 2],
    ['0', false],
    ['10.0.0.0/8, ::1', ['10.0.0.0/8', '::1']],
  ])('read TRUST_PROXY=%s', (value, expected) => {
    expect(loadConfig(serviceSettings, { ...complete, TRUST_PROXY: value }).trustProxy).toEqual(expected);
  });
});

describe('settings of standalone', () => {
  it('need nothing', () => {
    expect(loadConfig(standaloneSettings, {})).toMatchObject({
      production: false,
      port: 8080,
      dataDir: '.data',
      authUrl: 'http://localhost:8080',
      mcpUrl: 'http://localhost:8080',
      adminUrl: 'http://localhost:8080',
      databaseUrl: null,
      migrationDatabaseUrl: null,
      masterKeys: null,
    });
  });

  it('follow PORT in the public origins that are not given', () => {
    const settings = loadConfig(standaloneSettings, { PORT: '9001', AUTH_URL: 'https://tunnel.example' });
    expect([settings.authUrl, settings.mcpUrl]).toEqual(['https://tunnel.example', 'http://localhost:9001']);
  });

  it('migrate through MIGRATION_DATABASE_URL where it is given', () => {
    const settings = loadConfig(standaloneSettings, {
      DATABASE_URL: 'postgres://service@db/x',
      MIGRATION_DATABASE_URL: 'postgres://owner@db/x',
    });
    expect([settings.databaseUrl, settings.migrationDatabaseUrl]).toEqual([
      'postgres://service@db/x',
      'postgres://owner@db/x',
    ]);
  });

  it('refuse reaching this machine in production', () => {
    expect(faults(standaloneSettings, { NODE_ENV: 'production', OUTBOUND_ALLOW_LOOPBACK: 'true' })).toEqual([
      'OUTBOUND_ALLOW_LOOPBACK',
    ]);
  });
});
