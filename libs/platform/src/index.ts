export * from './http-application.ts';
export * from './platform.module.ts';
export * from './platform.ts';
