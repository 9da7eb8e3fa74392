import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { ConfigError } from './config-error.ts';
import type { ConfigProblem } from './config-error.ts';

/** The variables of a process: `process.env`, or a test's own. */
export type Environment = Readonly<Record<string, string | undefined>>;

type Schema = z.core.$ZodType;
type Shape = Readonly<Record<string, Schema>>;

/** Marks a variable that may also come from a file named by `<NAME>_FILE`, and whose value no message may show. */
export function secret<T extends z.ZodType>(schema: T): T {
  return schema.meta({ secret: true });
}

/**
 * Parses the environment once and returns it deeply frozen. Throws {@link ConfigError} with every variable that is
 * missing or wrong. An empty value counts as missing; a secret may be given as `<NAME>_FILE`.
 */
export function loadConfig<T>(schema: z.ZodType<T>, env: Environment): T {
  const shape = shapeOf(schema);
  const problems: ConfigProblem[] = [];
  const input: Record<string, string> = {};
  for (const [name, variable] of Object.entries(shape)) {
    const value = valueOf(name, variable, env, problems);
    if (value !== undefined) input[name] = value;
  }
  const parsed = schema.safeParse(input);
  for (const { path, message } of parsed.error?.issues ?? []) {
    const variable = String(path[0] ?? '');
    if (problems.some((problem) => problem.variable === variable || problem.variable === `${variable}_FILE`)) continue;
    problems.push({ variable, expected: message + received(variable, shape, input) });
  }
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems);
  return deepFreeze(parsed.data);
}

function shapeOf(schema: Schema): Shape {
  if (schema instanceof z.ZodObject) return schema.shape;
  if (schema instanceof z.ZodPipe) return shapeOf(schema.in);
  throw new TypeError('Settings are an object of variables, or a transformation of one.');
}

function isSecret(variable: Schema | undefined): boolean {
  if (variable === undefined) return true;
  if (z.globalRegistry.get(variable)?.['secret'] === true) return true;
  return variable instanceof z.ZodOptional ? isSecret(variable.unwrap()) : false;
}

function valueOf(name: string, variable: Schema, env: Environment, problems: ConfigProblem[]): string | undefined {
  const value = env[name] === '' ? undefined : env[name];
  const file = env[`${name}_FILE`];
  if (!isSecret(variable) || file === undefined || file === '') return value;
  if (value !== undefined) {
    problems.push({ variable: name, expected: `give either ${name} or ${name}_FILE, not both` });
    return undefined;
  }
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    problems.push({
      variable: `${name}_FILE`,
      expected: `a file that can be read (${(error as NodeJS.ErrnoException).code}: ${file})`,
    });
    return undefined;
  }
}

function received(name: string, shape: Shape, input: Record<string, string>): string {
  const value = input[name];
  if (value === undefined) return ' (it is not set)';
  return isSecret(shape[name]) ? '' : ` (it is "${value}")`;
}

function deepFreeze<T>(value: T): T {
  // The bytes of a buffer cannot be frozen.
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  Object.values(value).forEach(deepFreeze);
  return Object.freeze(value);
}
