import { OAuthError } from '@grantkeeper/kernel';

const MAX_PARAMETERS = 64;
const MAX_NAME_LENGTH = 128;
const MAX_VALUE_LENGTH = 8_192;
const MAX_TOTAL_LENGTH = 32_768;
const MAX_REPEATS = 10;

/** The parameters of one request, each at most once unless it may repeat; never a value that is empty. */
export class Parameters {
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(values: ReadonlyMap<string, readonly string[]>) {
    this.#values = values;
  }

  /** The value of `name`, or undefined when it is absent or empty. Of a repeatable parameter: its first value. */
  get(name: string): string | undefined {
    return this.#values.get(name)?.[0];
  }

  /** Every value of `name`, in the order sent; empty when it is absent. */
  all(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  /** The value of `name`; rejects with `invalid_request` naming it when it is absent or empty. */
  require(name: string): string {
    const value = this.get(name);
    if (value === undefined) throw new OAuthError('invalid_request', `${name} is missing`);
    return value;
  }
}

/**
 * Reads a parsed query or form body (RFC 6749 §3.1, §3.2; AS-36): an empty value counts as absent, unknown names are
 * kept and may be ignored. Rejects with `invalid_request` when a parameter that is not in `repeatable` comes twice,
 * when a value is not text, and when the request is larger than any client needs.
 */
export function readParameters(raw: Record<string, unknown>, repeatable: readonly string[] = []): Parameters {
  const entries = Object.entries(raw);
  if (entries.length > MAX_PARAMETERS) throw new OAuthError('invalid_request', 'the request has too many parameters');

  const values = new Map<string, readonly string[]>();
  let total = 0;
  for (const [name, value] of entries) {
    if (value === undefined) continue;
    const sent = Array.isArray(value) ? value : [value];
    if (sent.length > (repeatable.includes(name) ? MAX_REPEATS : 1)) {
      throw new OAuthError('invalid_request', `${shown(name)} is sent more than once`);
    }
    const texts = sent.map((item) => readText(name, item)).filter((text) => text !== '');
    total += name.length + texts.reduce((sum, text) => sum + text.length, 0);
    if (name.length > MAX_NAME_LENGTH || total > MAX_TOTAL_LENGTH) {
      throw new OAuthError('invalid_request', 'the request is too large');
    }
    if (texts.length > 0) values.set(name, texts);
  }
  return new Parameters(values);
}

function readText(name: string, value: unknown): string {
  if (typeof value !== 'string') throw new OAuthError('invalid_request', `${shown(name)} is not text`);
  if (value.length > MAX_VALUE_LENGTH) throw new OAuthError('invalid_request', `${shown(name)} is too long`);
  // PostgreSQL text cannot hold U+0000: without this it would fail later, as a server error.
  if (value.includes('\0')) throw new OAuthError('invalid_request', `${shown(name)} contains a NUL character`);
  return value;
}

/** A name as it may be repeated to the sender: it is the sender's text and ends up in error_description. */
function shown(name: string): string {
  return /^[\w.-]{1,64}$/.test(name) ? name : 'a parameter';
}
