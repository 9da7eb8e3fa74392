export * from './key-provider.ts';
export * from './personal-data.ts';
export * from './signing-keys.ts';
export * from './tenant-keys.ts';
export * from './verification-keys.ts';
