import { availableParallelism } from 'node:os';
import { DomainError } from '@grantkeeper/kernel';
import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

const derive = promisify(argon2);

// OWASP's first choice for argon2id: 19 MiB, 2 passes, 1 lane; some 50 ms on this kind of machine, by intent.
const PARAMETERS = { memory: 19_456, passes: 2, parallelism: 1 };
const LENGTH = 32;

/** At most this many hashes at once: each takes 19 MiB and a thread of the four that all other work shares. */
const CONCURRENT = Math.max(1, Math.min(2, availableParallelism() - 1));
/** More than this many waiting would be answered after their senders have gone. */
const MAX_WAITING = 100;
const waiting: Array<() => void> = [];
let running = 0;

async function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
  if (waiting.length >= MAX_WAITING)
    throw new DomainError('login.busy', 'Too many people are signing in. Try again in a moment.', 'too_many');
  if (running >= CONCURRENT) await new Promise<void>((resolve) => waiting.push(resolve));
  running += 1;
  try {
    return await work();
  } finally {
    running -= 1;
    waiting.shift()?.();
  }
}

async function hash(password: string, nonce: Buffer, { memory, passes, parallelism } = PARAMETERS): Promise<Buffer> {
  const message = Buffer.from(password.normalize('NFKC'));
  return inTurn(
    () => derive('argon2id', { message, nonce, memory, passes, parallelism, tagLength: LENGTH }) as Promise<Buffer>,
  );
}

/** The argon2id hash of a password in the PHC string format. */
export async function hashPassword(password: string): Promise<string> {
  const nonce = randomBytes(16);
  const { memory, passes, parallelism } = PARAMETERS;
  const text = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '');
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${text(nonce)}$${text(await hash(password, nonce))}`;
}

/**
 * Whether the password is the hash's. Without a hash (an unknown person) it takes as long and answers false, so that
 * time does not tell who has an account.
 */
export async function verifyPassword(password: string, phc: string | undefined): Promise<boolean> {
  const [, memory, passes, parallelism, nonce, expected] =
    /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([^$]+)\$([^$]+)$/.exec(phc ?? '') ?? [];
  if (nonce === undefined || expected === undefined) {
    await hash(password, Buffer.alloc(16));
    return false;
  }
  const parameters = { memory: Number(memory), passes: Number(passes), parallelism: Number(parallelism) };
  const actual = await hash(password, Buffer.from(nonce, 'base64'), parameters);
  return timingSafeEqual(actual, Buffer.from(expected, 'base64'));
}
