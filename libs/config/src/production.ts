import type { z } from 'zod';
import { isLoopback } from './variables.ts';

const ORIGINS = ['AUTH_URL', 'MCP_URL', 'ADMIN_URL'] as const;

/** What `NODE_ENV=production` refuses, whatever else is wrong: tokens over plain http, and requests to ourselves. */
export function productionRules<T extends z.ZodObject>(schema: T): T {
  let checked: T = schema.refine((env) => !isProduction(env) || env['OUTBOUND_ALLOW_LOOPBACK'] !== true, {
    path: ['OUTBOUND_ALLOW_LOOPBACK'],
    error: 'not allowed with NODE_ENV=production',
    when: always,
  });
  for (const name of ORIGINS) {
    checked = checked.refine((env) => !isProduction(env) || !isPlainRemote(env[name]), {
      path: [name],
      error: 'https is required with NODE_ENV=production, except on this machine',
      when: always,
    });
  }
  return checked;
}

// Also when another variable is wrong: the operator gets the whole list at once.
const always = (): boolean => true;

function isProduction(env: Record<string, unknown>): boolean {
  return env['NODE_ENV'] === 'production';
}

function isPlainRemote(origin: unknown): boolean {
  return typeof origin === 'string' && origin.startsWith('http://') && !isLoopback(origin);
}
