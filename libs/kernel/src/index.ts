export * from './errors.ts';
export * from './ids.ts';
export * from './clock.ts';
export * from './expiring-cache.ts';
export * from './passing-outage.ts';
export * from './moment.ts';
