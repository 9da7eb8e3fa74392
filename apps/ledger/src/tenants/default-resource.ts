import type { ResourceScope } from '@grantkeeper/domain';

/** The scopes of the hosted example server: the *boards* tools. */
export const boardScopes: readonly ResourceScope[] = [
  { name: 'boards:read', description: 'See your boards and their cards', risky: false, default: true },
  { name: 'boards:write', description: 'Create boards for you', risky: false, default: false },
];
