import { isIP } from 'node:net';
import { z } from 'zod';
import { secret } from './load-config.ts';
import { parseMasterKeys } from './master-keys.ts';

/** Which client addresses may speak for others: nobody, the last `n` hops, or these networks. */
export type TrustProxy = false | number | readonly string[];

const text = (expected: string): z.ZodString => z.string({ error: expected });

const url = (expected: string, protocols: readonly string[]): z.ZodType<string> =>
  text(expected).refine((value) => protocols.includes(parseUrl(value)?.protocol ?? ''), { error: expected });

const flag = z.enum(['true', 'false'], { error: 'true or false' }).default('false');

/** An origin: scheme, host and port, no path and no trailing slash. Issuers and resources are built on it for ever. */
export function origin(example: string): z.ZodType<string> {
  const expected = `an origin such as ${example}: http or https, no path, no trailing slash`;
  return text(expected).refine(
    (value) => {
      const parsed = parseUrl(value);
      return parsed !== null && /^https?:$/.test(parsed.protocol) && parsed.origin === value;
    },
    { error: expected },
  );
}

export const nodeEnv = z
  .enum(['production', 'development', 'test'], { error: 'production, development or test' })
  .default('development');

export const port = z
  .string()
  .default('8080')
  .refine((value) => /^\d{1,5}$/.test(value) && Number(value) >= 1 && Number(value) <= 65_535, {
    error: 'a port number from 1 to 65535',
  })
  .transform(Number);

export const databaseUrl = secret(
  url('a PostgreSQL URL such as postgresql://user:password@host:5432/database', ['postgres:', 'postgresql:']),
);

export const redisUrl = secret(url('a Redis URL such as redis://host:6379', ['redis:', 'rediss:']));

export const masterKeys = secret(
  text('a list of version:base64(32 random bytes), the current key first, each version once').transform(
    (value, context) => {
      const keys = parseMasterKeys(value);
      if (keys !== null) return keys;
      context.addIssue({
        code: 'custom',
        message: 'a list of version:base64(32 random bytes), the current key first, each version once',
      });
      return z.NEVER;
    },
  ),
);

export const outboundAllowLoopback = flag.transform((value) => value === 'true');

export const rateLimitFactor = z
  .string()
  .default('1')
  .refine((value) => /^\d{1,7}(\.\d{1,3})?$/.test(value) && Number(value) >= 0.1, {
    error: 'a number from 0.1 to 9999999',
  })
  .transform(Number);

export const logLevel = z
  .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
    error: 'fatal, error, warn, info, debug, trace or silent',
  })
  .default('info');

export const trustProxy = z
  .string()
  .default('false')
  .transform((value, context): TrustProxy => {
    if (value === 'false' || value === '0') return false;
    if (/^\d{1,2}$/.test(value)) return Number(value);
    const networks = value.split(',').map((network) => network.trim());
    if (networks.every(isNetwork)) return networks;
    context.addIssue({
      code: 'custom',
      message: 'false, a number of proxies, or a list of their addresses and networks (10.0.0.0/8,…)',
    });
    return z.NEVER;
  });

/** True when the origin names this machine, where plain http is private. */
export function isLoopback(value: string): boolean {
  const host = parseUrl(value)?.hostname ?? '';
  return (
    host === 'localhost' ||
    host.endsWith('.localhost') ||
    host === '[::1]' ||
    (isIP(host) === 4 && host.startsWith('127.'))
  );
}

function isNetwork(value: string): boolean {
  const [address = '', bits, ...rest] = value.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}

function parseUrl(value: string): URL | null {
  return URL.canParse(value) ? new URL(value) : null;
}
