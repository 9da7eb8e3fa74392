import { createHash } from 'node:crypto';

/** What `seed` makes as the secret `of` something: the same again when a command is repeated. */
export function digest(seed: string, of: string): Buffer {
  return createHash('sha256').update(`${seed}/${of}`).digest();
}
