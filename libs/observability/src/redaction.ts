import { types } from 'node:util';

// Compared without case, hyphens and underscores, so that client_secret, clientSecret and Client-Secret are one.
const secretNames = new Set([
  'authorization',
  'proxyauthorization',
  'cookie',
  'setcookie',
  'token',
  'code',
  'password',
  'passphrase',
  'secret',
  'clientsecret',
  'refreshtoken',
  'accesstoken',
  'idtoken',
  'idtokenhint',
  'registrationaccesstoken',
  'assertion',
  'clientassertion',
  'codeverifier',
  'apikey',
  'adminkey',
  'privatekey',
]);

const REDACTED = '[redacted]';
const DEEPEST = 8;

/** True for the name of a field whose value must not be logged. */
export function namesSecret(name: string): boolean {
  return secretNames.has(name.toLowerCase().replaceAll(/[-_]/g, ''));
}

/**
 * A copy of `value` in which every field with a secret's name is replaced, at any depth. Errors are left to the
 * logger's serializer; what lies deeper than eight levels, or in a circle, is cut off.
 */
export function redact(value: unknown): unknown {
  return copy(value, DEEPEST);
}

/** True for errors of every realm. */
export function isError(value: unknown): value is Error {
  return value instanceof Error || types.isNativeError(value);
}

function copy(value: unknown, depth: number): unknown {
  if (value === null || typeof value !== 'object' || isError(value) || value instanceof Date) return value;
  if (depth === 0) return '[too deep]';
  if (Array.isArray(value)) return value.map((item) => copy(item, depth - 1));
  if (value instanceof Map || value instanceof Set || ArrayBuffer.isView(value)) return `[${value.constructor.name}]`;
  if ('toJSON' in value && typeof value.toJSON === 'function') return value.toJSON();
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [name, namesSecret(name) ? REDACTED : copy(field, depth - 1)]),
  );
}
