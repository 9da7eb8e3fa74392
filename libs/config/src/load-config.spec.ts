import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { ConfigError } from './config-error.ts';
import { loadConfig, secret } from './load-config.ts';
import type { Environment } from './load-config.ts';

const schema = z.object({
  NAME: z.string({ error: 'a name' }),
  TOKEN: secret(z.string({ error: 'a token of 4 letters' }).length(4, 'a token of 4 letters')),
  MODE: z.enum(['a', 'b'], { error: 'a or b' }).default('a'),
});

function refusal(env: Environment): ConfigError {
  try {
    loadConfig(schema, env);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('accepted');
}

describe('loadConfig', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'config-'));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  it('returns frozen settings, all the way down', () => {
    const config = loadConfig(
      schema.transform((env) => ({ list: [env.NAME], bytes: Buffer.from('x') })),
      { NAME: 'n', TOKEN: 'abcd' },
    );
    expect(config.list).toEqual(['n']);
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config.list)).toBe(true);
  });

  it('names every variable that is missing or wrong, with what is expected', () => {
    expect(refusal({ TOKEN: 'abcd', MODE: 'c' }).problems).toEqual([
      { variable: 'NAME', expected: 'a name (it is not set)' },
      { variable: 'MODE', expected: 'a or b (it is "c")' },
    ]);
    expect(refusal({ MODE: 'c' }).message).toMatch(
      /NAME: a name[^]*TOKEN: a token of 4 letters \(it is not set\)[^]*MODE: a or b/,
    );
  });

  it('takes an empty value for a missing one', () => {
    expect(refusal({ NAME: '', TOKEN: 'abcd' }).problems).toEqual([
      { variable: 'NAME', expected: 'a name (it is not set)' },
    ]);
    expect(loadConfig(schema, { NAME: 'n', TOKEN: 'abcd', MODE: '' }).MODE).toBe('a');
  });

  it('never tells the value of a secret', () => {
    const error = refusal({ NAME: 'n', TOKEN: 'hunter2' });
    expect(error.problems).toEqual([{ variable: 'TOKEN', expected: 'a token of 4 letters' }]);
    expect(JSON.stringify(error) + error.stack).not.toContain('hunter2');
  });

  it('reads a secret from the file named by NAME_FILE, without its last newline', () => {
    const file = join(directory, 'token');
    writeFileSync(file, 'wxyz\n');
    expect(loadConfig(schema, { NAME: 'n', TOKEN_FILE: file }).TOKEN).toBe('wxyz');
  });

  it('reads no file for a variable that is not a secret', () => {
    expect(refusal({ NAME_FILE: '/dev/null', TOKEN: 'abcd' }).problems).toEqual([
      { variable: 'NAME', expected: 'a name (it is not set)' },
    ]);
  });

  it('refuses a secret that is given twice, or in a file that cannot be read', () => {
    expect(refusal({ NAME: 'n', TOKEN: 'abcd', TOKEN_FILE: '/dev/null' }).problems).toEqual([
      { variable: 'TOKEN', expected: 'give either TOKEN or TOKEN_FILE, not both' },
    ]);
    const missing = join(directory, 'missing');
    expect(refusal({ NAME: 'n', TOKEN_FILE: missing }).problems).toEqual([
      { variable: 'TOKEN_FILE', expected: `a file that can be read (ENOENT: ${missing})` },
    ]);
  });
});
