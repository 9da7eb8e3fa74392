export * from './command-settings.ts';
export * from './config-error.ts';
export * from './load-config.ts';
export * from './master-keys.ts';
export * from './service-settings.ts';
export * from './standalone-settings.ts';
