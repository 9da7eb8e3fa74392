export * from './database.ts';
export * from './event-store.ts';
export * from './inline-projection.ts';
export * from './replay.ts';
export * from './schema.ts';
export * from './tenant-directory.ts';
