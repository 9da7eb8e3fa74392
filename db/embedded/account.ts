import { spawnSync } from 'node:child_process';
import { chownSync, statSync } from 'node:fs';
import { EmbeddedPostgresError } from './errors.ts';

/** How to run PostgreSQL's programs: as ourselves, or, because PostgreSQL refuses to be root, as someone else. */
export interface Account {
  /** The program and arguments that start `command` under this account. */
  wrap(command: string, args: string[]): [string, string[]];
  /** Options of `spawn` that change to the account. */
  readonly ids: { uid?: number; gid?: number };
  /** Gives a file or directory to the account. */
  own(path: string): void;
}

const unwrapped = (command: string, args: string[]): [string, string[]] => [command, args];

const ourselves: Account = { wrap: unwrapped, ids: {}, own: () => undefined };

/**
 * The account that runs the server whose data directory is `directory` (which may not exist yet) inside `parent`.
 * As root: an unprivileged user where it can reach the files, else a user namespace in which root is not root.
 */
export function chooseAccount(options: { directory: string; parent: string; programs: string[] }): Account {
  const owner = ownerOf(options.directory);
  if (process.getuid?.() !== 0) {
    if (owner !== null && process.getuid !== undefined && owner.uid !== process.getuid()) {
      throw new EmbeddedPostgresError(
        `The database directory ${options.directory} belongs to another user (uid ${owner.uid}). Start as that user, or choose another directory with GRANTKEEPER_DATA_DIR.`,
      );
    }
    return ourselves;
  }
  const user = owner === null || owner.uid === 0 ? unprivilegedUser() : owner;
  if (owner?.uid !== 0 && canReach(user, options)) return otherUser(user);
  if (owner === null || owner.uid === 0) {
    const namespace = userNamespace(user);
    if (namespace !== null) return namespace;
  }
  throw new EmbeddedPostgresError(
    `PostgreSQL refuses to run as root, and the user with uid ${user.uid}, as whom it would run, cannot reach ${options.parent} and ${options.programs[0]}. ` +
      'Put Grantkeeper and GRANTKEEPER_DATA_DIR where other users may enter (not under /root), start Grantkeeper as an ordinary user, or set DATABASE_URL.',
  );
}

interface Ids {
  uid: number;
  gid: number;
}

function ownerOf(path: string): Ids | null {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? null : { uid: found.uid, gid: found.gid };
}

// initdb looks its user up by name, so the account needs an entry in the passwd file.
function unprivilegedUser(): Ids {
  const found = idsOf('postgres');
  if (found !== null) return found;
  spawnSync('groupadd', ['--system', 'postgres']);
  spawnSync('useradd', [
    '--system',
    '--gid',
    'postgres',
    '--no-create-home',
    '--shell',
    '/usr/sbin/nologin',
    'postgres',
  ]);
  const made = idsOf('postgres') ?? idsOf('nobody');
  if (made !== null) return made;
  throw new EmbeddedPostgresError(
    'PostgreSQL refuses to run as root, and the user postgres could not be created. Start Grantkeeper as an ordinary user, or set DATABASE_URL.',
  );
}

function idsOf(name: string): Ids | null {
  const id = (flag: string): number => {
    const { status, stdout } = spawnSync('id', [flag, name], { encoding: 'utf8' });
    return status === 0 ? Number.parseInt(stdout, 10) : Number.NaN;
  };
  const ids = { uid: id('-u'), gid: id('-g') };
  return Number.isInteger(ids.uid) && Number.isInteger(ids.gid) && ids.uid !== 0 ? ids : null;
}

function canReach(
  user: Ids,
  { parent, directory, programs }: { parent: string; directory: string; programs: string[] },
): boolean {
  // Asking the kernel as that user covers modes, ACLs and mount options alike.
  const script = 'cd "$1" || exit 1; shift; for p; do [ -r "$p" ] && [ -x "$p" ] || exit 1; done';
  const exists = statSync(directory, { throwIfNoEntry: false }) !== undefined;
  const { status } = spawnSync('/bin/sh', ['-c', script, 'sh', exists ? directory : parent, ...programs], {
    ...user,
    cwd: '/',
  });
  return status === 0;
}

function otherUser(user: Ids): Account {
  return { wrap: unwrapped, ids: user, own: (path) => chownSync(path, user.uid, user.gid) };
}

/**
 * Under /root (0700) no other user can reach anything. In a user namespace the server sees itself as `user`, while the
 * kernel lets it at the files of root: no more than this process, which is root, may do itself.
 */
function userNamespace(user: Ids): Account | null {
  const flags = ['--user', `--map-user=${user.uid}`, `--map-group=${user.gid}`, '--'];
  if (spawnSync('unshare', [...flags, 'true']).status !== 0) return null;
  return {
    wrap: (command, args) => ['unshare', [...flags, command, ...args]],
    ids: {},
    own: (path) => chownSync(path, 0, 0),
  };
}
