export * from './check-database.ts';
export * from './http-application.ts';
export * from './platform.module.ts';
export * from './platform.ts';
export * from './port.ts';
export * from './run-service.ts';
export * from './shutdown.ts';
export * from './startup-error.ts';
